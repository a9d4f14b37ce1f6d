CREATE TABLE "order" (
  region text NOT NULL, number bigint NOT NULL, carrier text, branch integer, PRIMARY KEY (region, number)
);
INSERT INTO "order" (region, number, carrier, branch) VALUES
  ('eu', 1, 'ups', 1), ('eu', 2, 'ups', NULL), ('us', 1, NULL, 1), ('us', 2, NULL, NULL),
  ('a,b', 9007199254740993, 'dhl', 2), ('a', 9007199254740992, 'UPS', 1), ('eu', 3, 'ups ', 1), ('it''s', 4, 'no''ne', 7);
