CREATE TABLE task (id integer PRIMARY KEY, person_id integer, title text NOT NULL, points integer, done boolean NOT NULL);
INSERT INTO task (id, person_id, title, points, done) VALUES
  (1, 1, 'sweep', 3, true), (2, 1, 'paint', 5, false), (3, 2, 'cook', NULL, false), (4, 3, 'drive', 8, true),
  (5, NULL, 'rest', 1, false), (6, 9, 'vanish', 2, true), (7, 3, 'sing', 1, false);
