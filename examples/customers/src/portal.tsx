import type { SupabaseClient } from "@supabase/supabase-js";
import { useEffect, useRef, type DetailedHTMLProps, type HTMLAttributes } from "react";
import type { WebhooksPortal } from "supabase-webhooks-portal";
import "supabase-webhooks-portal";

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "webhooks-portal": DetailedHTMLProps<HTMLAttributes<WebhooksPortal>, WebhooksPortal> & { tenant?: string };
    }
  }
}

export function Webhooks({ supabase, tenant }: { supabase: SupabaseClient; tenant: string }) {
  const portal = useRef<WebhooksPortal>(null);
  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((_event, session) => {
      if (portal.current) portal.current.client = session ? supabase : null; // null empties it at once
    });
    return () => data.subscription.unsubscribe();
  }, [supabase]);
  return <webhooks-portal ref={portal} tenant={tenant} />;
}
