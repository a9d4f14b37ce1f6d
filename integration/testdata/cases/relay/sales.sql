CREATE TABLE purchase (id bigint PRIMARY KEY, album_id integer, buyer text, price numeric);
INSERT INTO purchase VALUES (10, 1, 'ann', 9.50), (11, 1, 'bob', 12), (12, 2, 'ann', NULL), (9007199254740993, 1, 'cat', 12), (14, 99, 'dan', 1);
