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
    if (portal.current) portal.current.client = supabase;
  }, [supabase]);
  return <webhooks-portal ref={portal} tenant={tenant} />;
}
