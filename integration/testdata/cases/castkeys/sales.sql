CREATE TABLE purchase (id integer PRIMARY KEY, customer_ref text, token text, amount integer NOT NULL);
INSERT INTO purchase (id, customer_ref, token, amount) VALUES
  (1, '1', '0D9E8D7C-0000-4000-8000-00000000000A', 5), (2, ' 2', '0d9e8d7c-0000-4000-8000-00000000000b', 7), (3, '03', NULL, 9),
  (4, 'three', 'none', 1), (5, NULL, '0d9e8d7c-0000-4000-8000-00000000000a', 2), (6, '1', '', 3), (7, '2147483648', NULL, 4),
  (8, '4.0', '0d9e8d7c00004000800000000000000c', 6), (9, '', NULL, 8);
