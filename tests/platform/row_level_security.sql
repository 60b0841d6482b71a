-- The platform's row level security, reduced like its tables: signed-in users read, and write what is theirs.
-- Not ours: it stands here so that tests and the demo act as a real user does.

grant usage on schema public to anon, authenticated, service_role;
grant select on public.users, public.communities, public.community_members, public.events, public.event_registrations,
    public.discussions, public.discussion_comments to authenticated;
grant insert, update on public.users, public.discussions to authenticated;
grant insert, delete on public.community_members, public.event_registrations to authenticated;
grant insert on public.discussion_comments, public.flags to authenticated;
grant all on public.users, public.communities, public.community_members, public.events, public.event_registrations,
    public.discussions, public.discussion_comments, public.flags, public.referrals to service_role;

alter table public.users enable row level security;
alter table public.communities enable row level security;
alter table public.community_members enable row level security;
alter table public.events enable row level security;
alter table public.event_registrations enable row level security;
alter table public.discussions enable row level security;
alter table public.discussion_comments enable row level security;
alter table public.flags enable row level security;
alter table public.referrals enable row level security;

create policy "Users see users" on public.users for select to authenticated using (true);
create policy "Users make their own profile" on public.users
    for insert to authenticated with check (id = (select auth.uid()) and role = 'user');
create policy "Users change their own profile" on public.users
    for update to authenticated using (id = (select auth.uid())) with check (id = (select auth.uid()));
create policy "Users see communities" on public.communities for select to authenticated using (true);
create policy "Users see their memberships" on public.community_members
    for select to authenticated using (user_id = (select auth.uid()));
create policy "Users join communities themselves" on public.community_members
    for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Users leave communities themselves" on public.community_members
    for delete to authenticated using (user_id = (select auth.uid()));
create policy "Users see events" on public.events for select to authenticated using (true);
create policy "Users see their registrations" on public.event_registrations
    for select to authenticated using (user_id = (select auth.uid()));
create policy "Users register themselves" on public.event_registrations
    for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Users cancel their own registrations" on public.event_registrations
    for delete to authenticated using (user_id = (select auth.uid()));
create policy "Users see discussions" on public.discussions for select to authenticated using (true);
create policy "Users open discussions" on public.discussions
    for insert to authenticated with check (created_by = (select auth.uid()));
create policy "Users change their own discussions" on public.discussions
    for update to authenticated using (created_by = (select auth.uid())) with check (created_by = (select auth.uid()));
create policy "Users see comments" on public.discussion_comments for select to authenticated using (true);
create policy "Users comment as themselves" on public.discussion_comments
    for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Users flag as themselves" on public.flags
    for insert to authenticated with check (flagged_by_id = (select auth.uid()));

-- the platform's own definer function, which any signed-in user may call
grant execute on function public.apply_referral_code(text, uuid) to authenticated;
