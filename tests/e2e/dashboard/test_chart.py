"""The overview's chart and the histogram, as pixels: what is there is drawn, the newest most of all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.dashboard.test_browser import Visit, browser, visit

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser", "visit"]

#: Of the deliveries' plot: for each bucket, whether a bar's color is just above the ground.
DRAWN = """() => {
  const plot = document.querySelector("#chart-deliveries");
  const canvas = plot.querySelector("canvas"), over = plot.querySelector(".u-over").getBoundingClientRect();
  const scale = canvas.width / canvas.getBoundingClientRect().width, origin = canvas.getBoundingClientRect();
  const buckets = document.querySelectorAll("#chart-table tbody tr").length;
  // a copy: reading the canvas itself again and again makes Chromium complain
  const context = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  const colors = ["pending-mark", "failed-mark", "delivered-mark"].map((name) => colour(name).match(/[0-9]+/g).join());
  return Array.from({ length: buckets }, (_, n) => {
    const x = (over.left - origin.left + (n + 0.35) * over.width / buckets) * scale;
    const y = (over.bottom - origin.top - 3) * scale;
    const [red, green, blue] = context.getImageData(Math.round(x), Math.round(y), 1, 1).data;
    return colors.includes([red, green, blue].join());
  });
}"""


def buckets(page: Page) -> list[bool]:
    """Return whether each bucket has deliveries, as the table under the chart says."""
    cells = "(rows) => rows.map((r) => [1, 2, 3].some((i) => Number(r.cells[i].textContent) > 0))"
    return list(page.locator("#chart-table tbody tr").evaluate_all(cells))


@pytest.mark.parametrize(
    "ages",
    [
        # seconds ago
        [0],
        [60 * n * 2 for n in range(30)],
        [0, 3500, 7000, 20_000, 80_000],
        [*range(0, 86_000, 600)],
    ],
    ids=["now", "30 in the last hour", "few", "a day"],
)
def test_every_bucket_with_deliveries_has_a_bar(visit: Visit, ages: list[int]) -> None:
    """Over each span, the newest too; the height is what the axis says."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at)"
        " select id, 'user.joined_community', '{}', 'delivered', now() - n * interval '1 second'"
        " from public.webhook_configurations, unnest(%s::integer[]) as n",
        (ages,),
    )
    page.goto("/")
    for span, name, count in (("1h", "1 hour", 60), ("6h", "6 hours", 72), ("24h", "24 hours", 96)):
        page.get_by_role("button", name=name).click()
        page.wait_for_selector(f"#chart[data-drawn='{span}']")
        expect(page.locator("#chart-table tbody tr")).to_have_count(count)
        expect(page.locator("#chart-by-hour")).to_be_visible(visible=span == "24h")
        wanted = buckets(page)
        assert wanted[-1] or wanted[-2], "the newest one"
        # uPlot draws in the next frame
        page.wait_for_function(f"(wanted) => JSON.stringify(({DRAWN})()) === JSON.stringify(wanted)", arg=wanted)
        assert page.evaluate(DRAWN) == wanted


def test_the_legend_has_sums_without_a_mouse(visit: Visit) -> None:
    """Not dashes: how many deliveries the chart shows, and the newest latencies."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.dispatch(7)
    page.goto("/")
    page.wait_for_selector("#chart[data-drawn] canvas")
    legend = page.locator("#chart-deliveries .u-legend")
    expect(legend).to_contain_text("UTC")
    expect(legend.locator("tr", has_text="Pending")).to_contain_text("7")
    expect(legend.locator("tr", has_text="Failed")).to_contain_text("0")
    expect(legend).not_to_contain_text("--")
    page.mouse.move(5, 5)
    expect(legend).not_to_contain_text("\N{EN DASH}")


@pytest.mark.parametrize("plot", ["deliveries", "latency"])
def test_a_bucket_leads_to_its_deliveries(visit: Visit, plot: str) -> None:
    """A click on the chart opens the list of that bucket's deliveries; by keyboard, the table's row does the same."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at)"
        " select id, 'user.joined_community', '{}', 'delivered', now() - n * interval '1 minute'"
        " from public.webhook_configurations, generate_series(0, 70) as n"
    )
    page.goto("/")
    page.wait_for_selector("#chart[data-drawn] canvas")
    # the buckets move on by the minute: what the table has at the moment of the click
    page.evaluate("""addEventListener("click", () => {
      sessionStorage.setItem("linked", document.querySelectorAll("#chart-table tbody a")[30].href);
    }, true)""")
    box = page.locator(f"#chart-{plot} .u-over").bounding_box()
    assert box is not None
    # at the end of the bar, which is nearer to the beginning of the next one
    page.locator(f"#chart-{plot} .u-over").click(position={"x": 30.7 * box["width"] / 60, "y": 20})
    expect(page).to_have_url(re.compile(r"/deliveries\?created_from="))
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.url == page.evaluate("sessionStorage.getItem('linked')")
    page.goto("/")
    page.get_by_text("The same as a table").click()
    link = page.locator("#chart-table tbody a").nth(30)
    link.focus()
    # what renews itself leaves the focus
    with page.expect_response(lambda response: "/overview/series" in response.url):
        pass
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_the_histogram_filters_by_a_click(visit: Visit) -> None:
    """A bar is drawn for the newest deliveries, in green; it leads to them alone, and a chip takes that back."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at)"
        " select id, 'user.joined_community', '{}', 'delivered', now() - n * interval '3 hours'"
        " from public.webhook_configurations, generate_series(0, 5) as n"
    )
    page.goto("/deliveries?range=24h")
    bars = page.locator(".histogram a:has(rect.delivered)")
    expect(bars).to_have_count(6)
    box = bars.last.locator("rect.delivered").bounding_box()
    assert box is not None
    assert box["width"] >= 4
    assert box["height"] >= 36
    shown = page.locator(".histogram svg").bounding_box()
    assert shown is not None
    # the newest bar ends where the drawing does
    assert shown["x"] + shown["width"] - box["x"] < 2 * shown["width"] / 96
    page.mouse.click(box["x"] + 1, shown["y"] + 2)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".chip")).to_contain_text("Created")
    page.get_by_role("link", name="Remove the filter Created").click()
    expect(page.locator("tbody tr")).to_have_count(6)
