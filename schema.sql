-- XTRACKER's whole schema, and its only truth. Every statement can run again on a database that has
-- it already; triggers are made anew each time, so that a deployment brings their newest form.
-- Times are epoch milliseconds, amounts millionths of a currency's unit.

-- One tenant: one offer or funnel. Nothing crosses from one space to another.
CREATE TABLE IF NOT EXISTS spaces (
  id            INTEGER PRIMARY KEY,
  name          TEXT    NOT NULL,
  time_zone     TEXT    NOT NULL DEFAULT 'UTC', -- IANA name; reports go by it
  created_at_ms INTEGER NOT NULL
) STRICT;

-- The secrets of a space, as SHA-256 in hex; the secrets themselves are nowhere. A rotated key
-- stays valid while now < expires_at_ms.
CREATE TABLE IF NOT EXISTS keys (
  hash          TEXT    NOT NULL PRIMARY KEY,
  space_id      INTEGER NOT NULL REFERENCES spaces (id),
  kind          TEXT    NOT NULL CHECK (kind IN ('ingest', 'bearer')),
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER -- NULL for the current key
) STRICT, WITHOUT ROWID;

-- Every report of a network or a bot, once. Clustered by space and number: the feed and the event
-- page read it in its own order and need no further index. `seq` is max + 1 taken inside the insert,
-- which is safe since D1 runs one statement at a time.
CREATE TABLE IF NOT EXISTS events (
  space_id       INTEGER NOT NULL REFERENCES spaces (id),
  seq            INTEGER NOT NULL,          -- the number a user says: "event 1042"
  dedup          TEXT    NOT NULL,          -- what makes two reports one; see src/event.rs
  event          TEXT    NOT NULL CHECK (event IN ('contact', 'subscribed', 'registration', 'deposit')),
  uid            TEXT,
  eid            TEXT,
  tg_id          INTEGER,
  value          TEXT,                      -- the amount as sent
  micros         INTEGER,                   -- as understood; NULL for no amount
  currency       TEXT    NOT NULL,
  occurred_at_ms INTEGER NOT NULL,
  received_at_ms INTEGER NOT NULL,
  first          INTEGER NOT NULL,          -- 1: the first of its kind for this uid
  receipt        TEXT    NOT NULL,          -- the arrival that stored it; tells our own retry from a re-fire
  refires        INTEGER NOT NULL DEFAULT 0,
  notes          TEXT,                      -- JSON array; NULL for none
  raw            TEXT    NOT NULL,          -- query and body as they arrived, secrets removed
  PRIMARY KEY (space_id, seq)
) STRICT, WITHOUT ROWID;

-- The promise "exactly once": db/event.rs STORE conflicts on it.
CREATE UNIQUE INDEX IF NOT EXISTS events_dedup ON events (space_id, dedup);

-- db/event.rs STORE asks whether this uid had this event before.
CREATE INDEX IF NOT EXISTS events_uid ON events (space_id, uid, event) WHERE uid IS NOT NULL;

-- What reports read instead of events: sums by quarter of an hour, so that the day of every civil
-- time zone is a whole number of buckets. Revenue is kept as whole units and the millionths behind
-- them, apart: an i64 of micros would overflow at ten amounts of twelve digits, and a network that
-- sends ids as amounts would then have its events refused.
CREATE TABLE IF NOT EXISTS counters (
  space_id INTEGER NOT NULL,
  bucket   INTEGER NOT NULL, -- occurred_at_ms / 900000
  event    TEXT    NOT NULL,
  currency TEXT    NOT NULL, -- '' for all but deposits
  events   INTEGER NOT NULL,
  people   INTEGER NOT NULL, -- events that were the first of their kind for their uid
  units    INTEGER NOT NULL,
  micros   INTEGER NOT NULL, -- what is left below one unit; may exceed 999999 in sum
  PRIMARY KEY (space_id, bucket, event, currency)
) STRICT, WITHOUT ROWID;

-- Counting is part of storing: no path can store an event uncounted, or count it twice.
DROP TRIGGER IF EXISTS events_count;
CREATE TRIGGER events_count AFTER INSERT ON events
BEGIN
  INSERT INTO counters (space_id, bucket, event, currency, events, people, units, micros)
  VALUES (
    NEW.space_id,
    NEW.occurred_at_ms / 900000,
    NEW.event,
    iif(NEW.event = 'deposit', NEW.currency, ''),
    1,
    NEW.first,
    coalesce(NEW.micros, 0) / 1000000,
    coalesce(NEW.micros, 0) % 1000000
  )
  ON CONFLICT (space_id, bucket, event, currency) DO UPDATE SET
    events = events + excluded.events,
    people = people + excluded.people,
    units  = units + excluded.units,
    micros = micros + excluded.micros;
END;

-- What was refused though its token was good: kept whole, so that it can be mended and read again.
CREATE TABLE IF NOT EXISTS held (
  space_id       INTEGER NOT NULL REFERENCES spaces (id),
  seq            INTEGER NOT NULL,
  fingerprint    TEXT    NOT NULL, -- of status and raw: a network's retries are one row
  status         TEXT    NOT NULL, -- invalid_value, invalid_time, …
  notes          TEXT,
  raw            TEXT    NOT NULL,
  received_at_ms INTEGER NOT NULL, -- of the first arrival
  receipt        TEXT    NOT NULL,
  refires        INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (space_id, seq)
) STRICT, WITHOUT ROWID;

-- db/held.rs KEEP conflicts on it.
CREATE UNIQUE INDEX IF NOT EXISTS held_fingerprint ON held (space_id, fingerprint);
