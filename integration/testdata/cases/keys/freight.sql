CREATE TABLE parcel (
  id integer PRIMARY KEY, order_region text, order_number bigint, weight integer NOT NULL
);
INSERT INTO parcel (id, order_region, order_number, weight) VALUES
  (1, 'eu', 1, 10), (2, 'eu', 1, 20), (3, 'eu', 2, 30), (4, 'us', 2, 40), (5, 'a,b', 9007199254740993, 50),
  (6, 'a,b', 9007199254740992, 60), (7, 'a', 9007199254740992, 70), (8, NULL, 1, 80), (9, 'eu', NULL, 90), (10, 'it''s', 4, 100);
CREATE TABLE branch (carrier text NOT NULL, number integer NOT NULL, city text NOT NULL, PRIMARY KEY (carrier, number));
INSERT INTO branch (carrier, number, city) VALUES
  ('ups', 1, 'Cork'), ('UPS', 1, 'Lund'), ('dhl', 2, 'Bonn'), ('no''ne', 7, 'Pisa');
