-- A little shop for agents to ask about, and the account that the gateway logs in with.
\set app_password `cat /run/sallyport/app.password`
create role app login password :'app_password';

create table users (
  id integer generated always as identity primary key,
  name text not null,
  email text not null,
  ssn text not null
);
create table payments (
  id integer generated always as identity primary key,
  user_id integer not null references users,
  card text not null,
  amount numeric(10, 2) not null
);
insert into users (name, email, ssn) values
  ('Ada Winter', 'ada@example.com', '900-12-0001'),
  ('Ben Okafor', 'ben@example.net', '900-12-0002'),
  ('Chloé Martin', 'chloe@example.org', '900-12-0003');
insert into payments (user_id, card, amount) values
  (1, '4000000000000002', 19.90),
  (2, '4000000000000010', 250.00),
  (3, '4000000000000028', 7.45);
grant usage on schema public to app;
grant select, insert, update, delete on all tables in schema public to app;
