-- Several databases: where each space is, and how one moves.

-- Where there are several databases, the first one lists every space, and says here which of them are in
-- another. The id of a space, of a link and of a destination is the first one's to give: no two
-- databases give the same.
CREATE TABLE space_databases (
  space_id INTEGER NOT NULL PRIMARY KEY REFERENCES spaces (id),
  database INTEGER NOT NULL, -- 2 for DB_2
  ready    INTEGER NOT NULL  -- 0 while the space is being made, and not listed yet
) STRICT;

-- The slugs of their links: a landing is looked for in the first database. A slug that leads to no link any
-- more, or to none yet, is not found in the space's own.
CREATE TABLE slugs (
  slug     TEXT    NOT NULL PRIMARY KEY,
  space_id INTEGER NOT NULL REFERENCES spaces (id),
  link_id  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Spaces that move to another database, step by step (db/moves.rs), here with the other one: 'leaving' and for
-- good 'left' where they were, 'clearing', 'arriving' and for good 'arrived' where they go.
CREATE TABLE moves (
  space_id INTEGER NOT NULL PRIMARY KEY,
  database INTEGER NOT NULL,
  state    TEXT    NOT NULL CHECK (state IN ('leaving', 'left', 'clearing', 'arriving', 'arrived')),
  began_ms INTEGER NOT NULL,           -- tells this move from an earlier one, in both databases
  part     INTEGER NOT NULL DEFAULT 0, -- of what has to be copied, and then compared: how far that is; -1 at the end
  after    TEXT    NOT NULL DEFAULT '' -- JSON of the key of the last row that is done
) STRICT;

-- The keys of spaces that have left: whoever has one is told where it leads.
CREATE TABLE moved_keys (
  hash          TEXT    NOT NULL PRIMARY KEY,
  space_id      INTEGER NOT NULL,
  kind          TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  used          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- db/moves.rs reads a space's.
CREATE INDEX moved_keys_space ON moved_keys (space_id);

-- What comes with a key, and visits, wait while a space moves: its keys are none, and RECORD in click.rs leaves
-- it out. What the dashboard and the operator's programs change is refused meanwhile: it could be copied already.
DROP TRIGGER IF EXISTS spaces_stay;
CREATE TRIGGER spaces_stay BEFORE UPDATE ON spaces
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.id AND m.state = 'leaving')
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

DROP TRIGGER IF EXISTS keys_stay;
CREATE TRIGGER keys_stay BEFORE INSERT ON keys
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

DROP TRIGGER IF EXISTS links_stay;
CREATE TRIGGER links_stay BEFORE INSERT ON links
WHEN NEW.name <> '' AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

DROP TRIGGER IF EXISTS links_stay_as_they_are;
CREATE TRIGGER links_stay_as_they_are BEFORE UPDATE ON links
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

DROP TRIGGER IF EXISTS destinations_stay;
CREATE TRIGGER destinations_stay BEFORE INSERT ON destinations
WHEN NEW.name <> '' AND EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

DROP TRIGGER IF EXISTS destinations_stay_as_they_are;
CREATE TRIGGER destinations_stay_as_they_are BEFORE UPDATE OF name, enabled, events, config, secrets ON destinations
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

DROP TRIGGER IF EXISTS destinations_stay_there;
CREATE TRIGGER destinations_stay_there BEFORE DELETE ON destinations
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = OLD.space_id AND m.state = 'leaving')
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;
