-- What is there before the story begins: a host with a referral code, her community, event, discussion and comment.
insert into auth.users (id, email) values ('00000000-0000-4000-8000-000000000001', 'host@example.com');
insert into public.users (id, name, referral_code) values ('00000000-0000-4000-8000-000000000001', 'Hana', 'HANA2026');
insert into public.communities (id, name, city)
values ('00000000-0000-4000-8000-000000000002', 'Lesekreis Zürich', 'Zürich');
insert into public.events (id, community_id, title, venue, capacity, host_id)
values ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000002', 'Reading night', 'Café Grüezi',
        500, '00000000-0000-4000-8000-000000000001');
insert into public.discussions (id, community_id, title, created_by, expires_at)
values ('00000000-0000-4000-8000-000000000004', '00000000-0000-4000-8000-000000000002', 'Next book',
        '00000000-0000-4000-8000-000000000001', '2126-01-01T00:00:00Z');
insert into public.discussion_comments (id, discussion_id, user_id, text)
values ('00000000-0000-4000-8000-000000000005', '00000000-0000-4000-8000-000000000004',
        '00000000-0000-4000-8000-000000000001', 'Buy my book!');
