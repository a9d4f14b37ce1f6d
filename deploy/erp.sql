-- What is on the shop's shelves; album_id refers to the catalogue's album.
IF DB_ID('erp') IS NULL CREATE DATABASE erp;
GO
USE erp;
GO
IF OBJECT_ID('dbo.shelf_stock') IS NULL
BEGIN
  CREATE TABLE dbo.shelf_stock (
    album_id int         NOT NULL,
    shelf    nvarchar(1) NOT NULL,
    quantity int         NOT NULL,
    PRIMARY KEY (album_id, shelf)
  );
  INSERT INTO dbo.shelf_stock (album_id, shelf, quantity) VALUES
    (1, N'A', 0),
    (1, N'C', 0),
    (2, N'A', 3),
    (2, N'B', 2),
    (3, N'B', 5),
    (3, N'C', 13),
    (4, N'A', 0),
    (4, N'B', 0),
    (5, N'C', 2),
    (6, N'A', 13),
    (7, N'B', 5),
    (7, N'C', 3),
    (8, N'A', 1),
    (8, N'B', 2),
    (8, N'C', 13),
    (9, N'B', 2),
    (9, N'C', 2),
    (10, N'A', 2),
    (10, N'C', 3),
    (11, N'A', 2),
    (11, N'B', 1),
    (11, N'C', 2),
    (12, N'B', 0),
    (12, N'C', 2),
    (13, N'A', 8),
    (13, N'B', 2),
    (13, N'C', 8),
    (14, N'A', 3),
    (15, N'A', 1),
    (15, N'B', 8),
    (15, N'C', 8),
    (16, N'A', 2),
    (16, N'B', 0),
    (17, N'A', 5),
    (17, N'C', 2),
    (18, N'B', 0),
    (18, N'C', 8),
    (19, N'A', 2);
END;
GO
