CREATE TABLE book (id integer PRIMARY KEY, title text NOT NULL);
INSERT INTO book (id, title) VALUES (1, 'One'), (2, 'Two'), (3, 'Three');
