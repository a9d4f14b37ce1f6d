CREATE TABLE album (id integer PRIMARY KEY, title text NOT NULL, author_id integer, editor_id integer);
CREATE TABLE review (id integer PRIMARY KEY, album_id integer NOT NULL REFERENCES album (id), author_id integer, stars integer NOT NULL, words text NOT NULL);
INSERT INTO album (id, title, author_id, editor_id) VALUES
  (1, 'First "one"', 1, 2), (2, 'Second', 1, 3), (3, 'Third', 2, NULL), (4, 'Nobody''s', NULL, NULL), (5, 'Lost', 99, 1);
INSERT INTO review (id, album_id, author_id, stars, words) VALUES
  (1, 1, 2, 5, 'good'), (2, 1, 3, 4, 'fine'), (3, 2, 3, 3, 'so so'), (4, 3, 4, 2, 'bad'), (5, 3, NULL, 1, 'none'), (6, 5, 1, 4, 'lost {}');
