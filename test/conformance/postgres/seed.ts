/** The database that every client sees in conformance tests: one of each kind of object, and types that drivers treat differently. */
export const SEED = `
create type mood as enum ('sad', 'ok', 'happy');
create domain positive as integer check (value > 0);
create table customers (
  id integer generated always as identity primary key,
  name text not null,
  email varchar(60) unique,
  born date,
  balance numeric(12, 2) not null default 0,
  feeling mood,
  tags text[] not null default '{}',
  profile jsonb,
  photo bytea,
  seen timestamptz,
  key uuid,
  upper_name text generated always as (upper(name)) stored
);
comment on table customers is 'people who buy';
comment on column customers.email is 'where we write to';
create index customers_by_birth on customers (born desc) where born is not null;
create table purchases (
  id bigint,
  customer integer not null references customers on delete cascade,
  amount positive not null,
  at timestamp not null,
  primary key (id, at)
) partition by range (at);
create table purchases_2024 partition of purchases for values from ('2024-01-01') to ('2025-01-01');
create table purchases_2025 partition of purchases for values from ('2025-01-01') to ('2026-01-01');
create view spending as select customer, sum(amount) as total from purchases group by customer;
create materialized view top_spenders as select * from spending order by total desc limit 3;
create schema audit;
create table audit.log (line bigserial, what text);
create function greet(who text) returns text language sql immutable as $$ select 'hello, ' || who $$;
create function warn(what text) returns void language plpgsql as $$ begin raise notice 'about %', what; raise warning 'mind %', what; end $$;
create function fail(what text) returns void language plpgsql as $$ begin raise exception 'no %', what using errcode = 'P0042', detail = 'because', hint = 'do not', table = 'customers'; end $$;
create procedure tidy() language sql as $$ delete from audit.log $$;
create sequence counter start 100 increment 5;
create function note() returns trigger language plpgsql as $$ begin insert into audit.log (what) values (tg_op || ' ' || new.name); return new; end $$;
create trigger noted after insert or update on customers for each row execute function note();
insert into customers (name, email, born, balance, feeling, tags, profile, photo, seen, key)
select 'name ' || n, case when n % 7 <> 0 then 'n' || n || '@example.com' end, date '1970-01-01' + n * 31, n * 1.25,
  (array['sad', 'ok', 'happy', null]::mood[])[n % 4 + 1], case when n % 3 = 0 then array['a', 'b,c', 'd"e'] else '{}' end,
  case when n % 5 = 0 then jsonb_build_object('n', n, 'deep', jsonb_build_array(null, true, 'ünïcödé')) end,
  decode(lpad(to_hex(n), 8, '0'), 'hex'), timestamptz '2024-02-29 12:00:00+00' + n * interval '1 hour 1 second', ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
from generate_series(1, 200) as n;
insert into customers (name, profile) values ('Zoë "the cat" O''Neil \\ \t', '{"a": [1, 2.50, "x"]}'), ('', null), ('日本語 🎉', null);
insert into purchases select n, n % 200 + 1, n % 90 + 1, timestamp '2024-06-01' + n * interval '9 hours' from generate_series(1, 900) as n;
refresh materialized view top_spenders;
analyze;
`;
