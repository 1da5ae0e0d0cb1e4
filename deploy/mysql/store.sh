#!/bin/bash
# A little shop for agents to ask about, and the account that the gateway logs in with. The image's entry point sources this file
# and brings docker_process_sql, which runs statements as root.
docker_process_sql --database=store <<SQL
CREATE USER 'app'@'%' IDENTIFIED BY '$(cat /run/sallyport/store.password)' REQUIRE SSL;
GRANT SELECT, INSERT, UPDATE, DELETE ON store.* TO 'app'@'%';
CREATE TABLE users (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(80) NOT NULL, email VARCHAR(120) NOT NULL, ssn CHAR(11) NOT NULL);
CREATE TABLE payments (
  id INT PRIMARY KEY AUTO_INCREMENT, user_id INT NOT NULL, card VARCHAR(20) NOT NULL, amount DECIMAL(10,2) NOT NULL,
  FOREIGN KEY (user_id) REFERENCES users (id)
);
INSERT INTO users (name, email, ssn) VALUES
  ('Ada Winter', 'ada@example.com', '900-12-0001'),
  ('Ben Okafor', 'ben@example.net', '900-12-0002'),
  ('Carla Martin', 'carla@example.org', '900-12-0003');
INSERT INTO payments (user_id, card, amount) VALUES (1, '4000000000000002', 19.90), (2, '4000000000000010', 250.00), (3, '4000000000000028', 7.45);
SQL
