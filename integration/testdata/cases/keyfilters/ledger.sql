CREATE TABLE bill (id bigint PRIMARY KEY, region text, number bigint, holder bigint, total integer);
INSERT INTO bill (id, region, number, holder, total) VALUES
  (1, 'eu', 1, 7, 100), (2, 'eu', 1, 7, NULL), (3, 'us', 1, 8, 50), (4, NULL, NULL, 8, 70), (5, 'eu', 9223372036854775807, 9223372036854775807, 1),
  (6, 'us', 1, NULL, 20), (7, 'us', 2, 8, 30), (8, 'eu1', 1, 9, 5);
CREATE TABLE holder (id bigint PRIMARY KEY, name text);
INSERT INTO holder (id, name) VALUES (7, 'Ida'), (8, 'Eli'), (9, NULL), (4294967303, 'Far');
