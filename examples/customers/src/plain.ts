import "supabase-webhooks-portal";
import { supabase } from "./supabase";

const signIn = document.querySelector<HTMLFormElement>("#sign-in")!;
const shop = document.querySelector<HTMLElement>("#shop")!;
const order = document.querySelector<HTMLFormElement>("#order")!;
const organization = order.querySelector("select")!;
const portal = document.querySelector("webhooks-portal")!;

function show(form: HTMLFormElement, text: string) {
  form.querySelector("p")!.textContent = text;
}

function choose() {
  portal.tenant = organization.value;
  portal.client = organization.value ? supabase : null;
  portal.hidden = !organization.value;
  order.querySelector("button")!.disabled = !organization.value;
}

let user: string | null | undefined;
supabase.auth.onAuthStateChange((_event, session) => {
  const now = session?.user.id ?? null;
  if (now === user) return; // a renewed session: what someone types stays
  user = now;
  // nothing of one user stays for the next, not even a typed password
  for (const form of [signIn, order]) {
    form.reset();
    show(form, "");
  }
  organization.replaceChildren();
  choose();
  signIn.hidden = Boolean(user);
  shop.hidden = !user;
  // not in this callback: supabase-js waits for its end
  if (user) setTimeout(open, 0, user);
});

async function open(of: string) {
  const { data, error } = await supabase.from("organizations").select("id, name").order("name");
  if (of !== user) return;
  organization.replaceChildren(...(data ?? []).map(({ id, name }) => new Option(name, id)));
  show(order, error?.message ?? (data?.length ? "" : "You are a member of no organization."));
  choose();
}

organization.addEventListener("change", choose);
document.querySelector("#sign-out")!.addEventListener("click", () => supabase.auth.signOut());

signIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(signIn);
  const { error } = await supabase.auth.signInWithPassword({ email: String(form.get("email")), password: String(form.get("password")) });
  show(signIn, error?.message ?? "");
});

order.addEventListener("submit", async (event) => {
  event.preventDefault();
  const item = String(new FormData(order).get("item"));
  const { error } = await supabase.from("orders").insert({ organization_id: organization.value, item });
  show(order, error ? error.message : `${item} is ordered.`);
});
