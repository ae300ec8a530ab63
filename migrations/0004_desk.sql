-- What the dashboard keeps for whoever works with it: names of keys and by which one an event came, links and spaces
-- put away, the guide's steps, what a pause held back, secrets that are shown once.

-- A space that was put away is listed apart; what arrives for it counts as before.
ALTER TABLE spaces ADD COLUMN archived_at_ms INTEGER;
-- JSON array of the guide's steps that somebody waved away; NULL for none.
ALTER TABLE spaces ADD COLUMN guide TEXT;
-- The form that made it: sent twice, it makes one.
ALTER TABLE spaces ADD COLUMN made_by TEXT;
CREATE UNIQUE INDEX spaces_made_by ON spaces (made_by) WHERE made_by IS NOT NULL;

-- A key's number among its space's: a rotation hands it on, so that it stays one source. 0 only until keys_name.
ALTER TABLE keys ADD COLUMN n INTEGER NOT NULL DEFAULT 0;

ALTER TABLE moved_keys ADD COLUMN n INTEGER NOT NULL DEFAULT 0;

-- The keys of a space as people know them. What they are called stays when the last secret of a number has ended:
-- events say by which one they came.
CREATE TABLE key_names (
  space_id      INTEGER NOT NULL REFERENCES spaces (id),
  n             INTEGER NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('ingest', 'bearer')),
  name          TEXT    NOT NULL,
  network       TEXT,                    -- its pack's name, where it was made for one
  created_at_ms INTEGER NOT NULL,
  used_at_ms    INTEGER,                 -- its last use, to the hour; NULL for none that is known
  ended_at_ms   INTEGER,                 -- when somebody ended it for good
  PRIMARY KEY (space_id, n)
) STRICT, WITHOUT ROWID;

INSERT INTO key_names (space_id, n, kind, name, created_at_ms)
SELECT space_id, iif(kind = 'ingest', 1, 2), kind, iif(kind = 'ingest', 'Main key', 'Bot key'), min(created_at_ms)
FROM keys GROUP BY space_id, kind;

UPDATE keys SET n = iif(kind = 'ingest', 1, 2);

-- Whatever makes a key without a number makes the first of its kind.
CREATE TRIGGER keys_name AFTER INSERT ON keys
BEGIN
  UPDATE keys SET n = iif(NEW.kind = 'ingest', 1, 2) WHERE hash = NEW.hash AND n = 0;
  INSERT INTO key_names (space_id, n, kind, name, created_at_ms)
  SELECT k.space_id, k.n, k.kind, iif(k.kind = 'ingest', 'Main key', 'Bot key'), k.created_at_ms
  FROM keys k WHERE k.hash = NEW.hash
  ON CONFLICT (space_id, n) DO NOTHING;
END;

-- What the dashboard changes waits while a space moves, as the rest does (0002_databases.sql).
CREATE TRIGGER key_names_stay BEFORE UPDATE OF name, ended_at_ms ON key_names
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

-- By which of its space's keys it came (key_names.n); NULL for what came before that was kept, or was entered by hand.
ALTER TABLE events ADD COLUMN by_key INTEGER;
ALTER TABLE held ADD COLUMN by_key INTEGER;

-- A link that was put away is in no list, and sends visitors on as before.
ALTER TABLE links ADD COLUMN archived_at_ms INTEGER;
-- The offer's network, by its pack's name; NULL where nobody has said so.
ALTER TABLE links ADD COLUMN network TEXT;

-- The form that made it: sent twice, it makes one.
ALTER TABLE destinations ADD COLUMN made_by TEXT;
CREATE UNIQUE INDEX destinations_made_by ON destinations (made_by) WHERE made_by IS NOT NULL;
-- Events that came while it was paused: those above the one number and up to the other, which is NULL while the pause
-- lasts. Both are NULL where none is left to decide about.
ALTER TABLE destinations ADD COLUMN missed_from INTEGER;
ALTER TABLE destinations ADD COLUMN missed_to INTEGER;
-- When it first took an event; 0 where it has got other settings since and took none yet, NULL where it never did.
ALTER TABLE destinations ADD COLUMN first_sent_at_ms INTEGER;

-- Recording a success writes nothing more from the second one on, and costs no call.
CREATE TRIGGER deliveries_first_sent AFTER UPDATE OF state ON deliveries WHEN NEW.state = 'sent' AND OLD.state <> 'sent'
BEGIN
  UPDATE destinations SET first_sent_at_ms = NEW.due_at_ms
  WHERE id = NEW.destination_id AND coalesce(first_sent_at_ms, 0) = 0;
END;

-- Of those from before, the newest 10,000 events say so: no index has what was sent.
UPDATE destinations SET first_sent_at_ms = created_at_ms WHERE EXISTS (
  SELECT 1 FROM deliveries x
  WHERE x.space_id = destinations.space_id AND x.destination_id = destinations.id AND x.state = 'sent'
    AND x.seq > (SELECT max(e.seq) FROM events e WHERE e.space_id = destinations.space_id) - 10000
);

UPDATE destinations SET missed_from = coalesce(
  (SELECT max(e.seq) FROM events e WHERE e.space_id = destinations.space_id), 0
)
WHERE enabled = 0;

-- Whoever pauses a destination, what comes from then on can be sent to it later. A pause while the last one is not
-- decided about goes on with that one.
CREATE TRIGGER destinations_pause AFTER UPDATE OF enabled ON destinations WHEN OLD.enabled = 1 AND NEW.enabled = 0
BEGIN
  UPDATE destinations SET missed_to = NULL, missed_from = coalesce(
    missed_from, (SELECT max(e.seq) FROM events e WHERE e.space_id = NEW.space_id), 0
  )
  WHERE id = NEW.id;
END;

-- Nothing is left to decide about where none of the first 2,000 events is one that it missed, and there are no more:
-- db/missed.rs LOOKED_THROUGH.
CREATE TRIGGER destinations_resume AFTER UPDATE OF enabled ON destinations WHEN OLD.enabled = 0 AND NEW.enabled = 1
BEGIN
  UPDATE destinations SET missed_to = (SELECT max(e.seq) FROM events e WHERE e.space_id = NEW.space_id)
  WHERE id = NEW.id;
  UPDATE destinations SET missed_from = NULL, missed_to = NULL
  WHERE id = NEW.id AND coalesce(missed_to, 0) <= coalesce(missed_from, 0) + 2000 AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.space_id = NEW.space_id AND e.seq > destinations.missed_from AND e.seq <= destinations.missed_to
      AND e.counted = 1 AND NEW.events ->> e.event IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries x
        WHERE x.space_id = e.space_id AND x.seq = e.seq AND x.destination_id = NEW.id
      )
  );
END;

-- What is decided about a pause belongs to what stays as it is while its space moves.
DROP TRIGGER IF EXISTS destinations_stay_as_they_are;
CREATE TRIGGER destinations_stay_as_they_are
BEFORE UPDATE OF name, enabled, events, config, secrets, missed_from, missed_to ON destinations
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

-- A secret that is shown once (a new key, a signing secret), sealed, on its way to the page that its form leads to.
CREATE TABLE glimpses (
  id         TEXT    NOT NULL PRIMARY KEY,
  space_id   INTEGER NOT NULL,
  sealed     TEXT    NOT NULL,
  shows      INTEGER NOT NULL,           -- how often it will still be shown
  ends_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
