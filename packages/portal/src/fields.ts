/** The fields of a form: each with its label, its help and, below it, what is wrong with it. */

import { h } from "./dom.js";

export type Field = "name" | "url" | "events" | "rate" | "retries" | "headers";

/** The field that a message of the database is about. */
export function fieldOf(message: string): Field | null {
  const said = message.replace(/"[^"]*"/g, "");
  if (/rate_limit|a second|a number/.test(said)) return "rate";
  if (/header/i.test(said)) return "headers";
  if (/events|catalog/.test(said)) return "events";
  if (/retry_schedule/.test(said)) return "retries";
  if (/\burl\b|scheme|port|host|address|https?:/i.test(said)) return "url";
  return /name/.test(said) ? "name" : null;
}

export function field(id: Field, label: string, help: string, control: HTMLElement): HTMLElement {
  control.setAttribute("aria-describedby", `${id}-help ${id}-error`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, h("p", { class: "help", id: `${id}-help` }, help), h("p", { class: "error", id: `${id}-error` }));
}

export function check(text: string, name: string, value: string, checked: boolean): HTMLElement {
  return h("label", { class: "check" }, h("input", { type: "checkbox", name, value, checked }), text);
}

export function clear(form: HTMLFormElement): void {
  for (const one of form.querySelectorAll(".error")) one.textContent = "";
  for (const one of form.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  form.querySelector<HTMLElement>("#problem")!.hidden = true;
}

/** Say what is wrong at its field, or above the form, and go there. */
export function complain(form: HTMLFormElement, at: Field | null, text: string): void {
  if (!at) return problem(form, [text]);
  form.querySelector(`#${at}-error`)!.textContent = text;
  const control = form.querySelector<HTMLElement>(`#${at}`)!;
  if (control.localName !== "fieldset") control.setAttribute("aria-invalid", "true");
  (control.localName === "fieldset" ? control.querySelector<HTMLElement>("input:checked") : control)?.focus();
}

export function problem(form: HTMLFormElement, [first, ...more]: string[]): void {
  const box = form.querySelector<HTMLElement>("#problem")!;
  box.replaceChildren(h("p", {}, first), ...(more.length ? [h("ul", {}, ...more.map((one) => h("li", {}, one)))] : []));
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
}
