CREATE TABLE customer (id integer PRIMARY KEY, uid uuid, name text, rating integer);
INSERT INTO customer (id, uid, name, rating) VALUES
  (1, '0d9e8d7c-0000-4000-8000-00000000000a', 'Dora', 2), (2, '0d9e8d7c-0000-4000-8000-00000000000b', 'Ben', NULL),
  (3, NULL, 'Cat', 2), (4, '0d9e8d7c-0000-4000-8000-00000000000c', NULL, 1), (5, NULL, 'Abe', 5);
