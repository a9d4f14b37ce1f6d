CREATE TABLE parcel (id integer PRIMARY KEY, region varchar(10), number integer, owner integer, weight integer NOT NULL);
INSERT INTO parcel (id, region, number, owner, weight) VALUES
  (1, 'eu', 1, 7, 10), (2, 'eu', 2, 7, 20), (3, 'us', 1, 8, 30), (4, NULL, 1, 8, 40), (5, 'eu', NULL, NULL, 50), (6, 'eu', 1, 9, 60),
  (7, 'e', 11, 10, 70), (8, 'us', 1, NULL, 80);
