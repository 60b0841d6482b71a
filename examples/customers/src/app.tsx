import type { Session } from "@supabase/supabase-js";
import { StrictMode, useEffect, useState, type FormEvent } from "react";
import { createRoot } from "react-dom/client";
import { Webhooks } from "./portal";
import { supabase } from "./supabase";

interface Organization { id: string; name: string }

function App() {
  const [session, setSession] = useState<Session | null>();
  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((_event, session) => setSession(session));
    return () => data.subscription.unsubscribe();
  }, []);
  if (session === undefined) return null;
  return <main><h1>Shop</h1>{session ? <Shop key={session.user.id} /> : <SignIn />}</main>;
}

function SignIn() {
  const [error, setError] = useState("");
  async function signIn(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const { error } = await supabase.auth.signInWithPassword({ email: String(form.get("email")), password: String(form.get("password")) });
    setError(error?.message ?? "");
  }
  return (
    <form onSubmit={signIn}>
      <label>E-mail <input name="email" type="email" autoComplete="username" required /></label>
      <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
      <button>Sign in</button>
      <p role="alert">{error}</p>
    </form>
  );
}

function Shop() {
  const [organizations, setOrganizations] = useState<Organization[]>();
  const [chosen, choose] = useState("");
  const [said, say] = useState("");
  useEffect(() => {
    void supabase.from("organizations").select("id, name").order("name").then(({ data, error }) => {
      setOrganizations(data ?? []);
      choose(data?.[0]?.id ?? "");
      if (error) say(error.message);
    });
  }, []);
  async function order(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const item = String(new FormData(event.currentTarget).get("item"));
    const { error } = await supabase.from("orders").insert({ organization_id: chosen, item });
    say(error ? error.message : `${item} is ordered.`);
  }
  return (
    <section>
      <form onSubmit={order}>
        <label>Organization <select value={chosen} onChange={(event) => choose(event.target.value)}>
          {organizations?.map(({ id, name }) => <option key={id} value={id}>{name}</option>)}
        </select></label>
        <label>Item <input name="item" defaultValue="Tea" required /></label>
        <button disabled={!chosen}>Order</button>
        <button type="button" onClick={() => void supabase.auth.signOut()}>Sign out</button>
        <p role="status">{organizations?.length === 0 ? "You are a member of no organization." : said}</p>
      </form>
      {chosen && <><h2>Webhooks</h2><Webhooks supabase={supabase} tenant={chosen} /></>}
    </section>
  );
}

createRoot(document.getElementById("app")!).render(<StrictMode><App /></StrictMode>);
