-- Why a postback did not count, and doing it again: what came twice and differs, decisions and their undoing, rules
-- that mend, keys that open nothing.

-- The network that a space's postbacks come from, by its pack's name; NULL where nobody has said so.
ALTER TABLE spaces ADD COLUMN network TEXT;

-- Which of the space's rules its postbacks are read by: 0 where none is on, else another number after each
-- change (rules_count). An isolate that has read others is told nothing by its statement, and asks again.
ALTER TABLE keys ADD COLUMN rules INTEGER NOT NULL DEFAULT 0;

-- 0 for what is on record and in no figure: a test, or taken out by hand.
ALTER TABLE events ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;
-- Later arrivals of the same id, JSON: the time of one that says the same, an object of one that does not. At
-- most 50; the last one takes the place of the one before.
ALTER TABLE events ADD COLUMN again TEXT;

-- The event that a refused postback has become since.
ALTER TABLE held ADD COLUMN event_seq INTEGER;

-- With what makes an event the first of its kind for a person.
DROP VIEW IF EXISTS folded_events;
CREATE VIEW folded_events AS
SELECT space_id, replace(uid, '+', ' ') AS folded, event, seq, uid, counted
FROM events INDEXED BY events_folded WHERE uid GLOB '*[ +]*';

-- Counting is part of storing: no path can store an event uncounted, or count it twice.
DROP TRIGGER IF EXISTS events_count;
CREATE TRIGGER events_count AFTER INSERT ON events WHEN NEW.counted = 1
BEGIN
  INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
  VALUES (
    NEW.space_id, NEW.occurred_at_ms, NEW.link_id, NEW.event, NEW.currency,
    1, NEW.first, coalesce(NEW.micros, 0)
  );
END;

-- Whatever changes of an event, the figures follow: it finds its link later, it is decided what it was, it is
-- taken out or put in.
DROP TRIGGER IF EXISTS events_move;
CREATE TRIGGER events_recount
AFTER UPDATE OF link_id, event, micros, currency, occurred_at_ms, first, counted ON events
WHEN (OLD.counted = 1 OR NEW.counted = 1) AND (
  OLD.link_id, OLD.event, coalesce(OLD.micros, 0), OLD.currency, OLD.occurred_at_ms, OLD.first, OLD.counted
) <> (
  NEW.link_id, NEW.event, coalesce(NEW.micros, 0), NEW.currency, NEW.occurred_at_ms, NEW.first, NEW.counted
)
BEGIN
  INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
  SELECT
    OLD.space_id, OLD.occurred_at_ms, OLD.link_id, OLD.event, OLD.currency,
    -1, -OLD.first, -coalesce(OLD.micros, 0)
  WHERE OLD.counted = 1;
  INSERT INTO tally (space_id, at_ms, link_id, event, currency, events, people, micros)
  SELECT
    NEW.space_id, NEW.occurred_at_ms, NEW.link_id, NEW.event, NEW.currency,
    1, NEW.first, coalesce(NEW.micros, 0)
  WHERE NEW.counted = 1;
END;

-- A person and a kind of event put into this view: the first of their counted events is the first, and no other.
-- Before a decision it was the first of them, so that the two first ones are all that can change.
CREATE VIEW firsts AS SELECT space_id, event, uid, tg_id FROM events;

CREATE TRIGGER firsts_set INSTEAD OF INSERT ON firsts
BEGIN
  UPDATE events SET first = (c.nth = 1)
  FROM (
    SELECT o.seq, row_number() OVER (ORDER BY o.seq) AS nth FROM (
      SELECT u.seq FROM (
        SELECT e.seq FROM events e INDEXED BY events_uid
        WHERE e.space_id = NEW.space_id AND e.uid = NEW.uid AND e.event = NEW.event AND e.counted = 1
        ORDER BY e.seq LIMIT 2
      ) u
      UNION
      SELECT f.seq FROM (
        SELECT f.seq FROM folded_events f
        WHERE f.space_id = NEW.space_id AND f.folded = iif(NEW.uid GLOB '*[ +]*', replace(NEW.uid, '+', ' '), NULL)
          AND f.event = NEW.event AND f.counted = 1
        ORDER BY f.seq LIMIT 2
      ) f
      UNION
      SELECT t.seq FROM (
        SELECT e.seq FROM events e INDEXED BY events_tg
        WHERE e.space_id = NEW.space_id AND e.tg_id = iif(NEW.uid IS NULL, NEW.tg_id, NULL)
          AND e.event = NEW.event AND e.uid IS NULL AND e.counted = 1
        ORDER BY e.seq LIMIT 2
      ) t
    ) o
  ) c
  WHERE events.space_id = NEW.space_id AND events.seq = c.seq;
END;

-- Sending on is part of storing, as counting is. The insert carries the first lease: for 30 s the
-- invocation that stored the event may try, and nobody else.
DROP TRIGGER IF EXISTS events_send;
CREATE TRIGGER events_send AFTER INSERT ON events WHEN NEW.counted = 1
BEGIN
  INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
  SELECT NEW.space_id, NEW.seq, d.id, d.events ->> NEW.event, 'pending', NEW.received_at_ms + 30000
  FROM destinations d
  WHERE d.space_id = NEW.space_id AND d.enabled = 1 AND d.events ->> NEW.event IS NOT NULL;
END;

-- An event that is taken out goes nowhere any more; where it is sent or was given up stays on record. One that is
-- put in goes where it has not been yet, and is due at once: no invocation has it in hand.
CREATE TRIGGER events_hold_back AFTER UPDATE OF counted ON events WHEN OLD.counted = 1 AND NEW.counted = 0
BEGIN
  DELETE FROM deliveries
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND state IN ('pending', 'retrying');
END;

CREATE TRIGGER events_send_after_all AFTER UPDATE OF counted ON events WHEN OLD.counted = 0 AND NEW.counted = 1
BEGIN
  INSERT INTO deliveries (space_id, seq, destination_id, target, state, due_at_ms)
  SELECT NEW.space_id, NEW.seq, d.id, d.events ->> NEW.event, 'pending', NEW.received_at_ms
  FROM destinations d
  WHERE d.space_id = NEW.space_id AND d.enabled = 1 AND d.events ->> NEW.event IS NOT NULL
  ON CONFLICT DO NOTHING;
END;

-- What came again under an event's id and says something else: another amount, currency or uid. One that says
-- the same as one before is the same version.
CREATE TABLE versions (
  space_id       INTEGER NOT NULL,
  seq            INTEGER NOT NULL,
  what           TEXT    NOT NULL, -- JSON array of uid, micros and currency: what makes it another one
  uid            TEXT,
  value          TEXT,             -- as sent
  micros         INTEGER,
  currency       TEXT    NOT NULL,
  raw            TEXT    NOT NULL, -- of its first arrival
  received_at_ms INTEGER NOT NULL, -- of its first arrival
  last_at_ms     INTEGER NOT NULL,
  times          INTEGER NOT NULL,
  decided        INTEGER NOT NULL, -- the decision that settled it, by its number; 0 while it is open
  PRIMARY KEY (space_id, seq, what)
) STRICT, WITHOUT ROWID;

-- db/retention.rs VERSIONS finds by age those that still have their raw query.
CREATE INDEX versions_kept ON versions (received_at_ms) WHERE raw <> '';

-- db/window.rs reads a space's open ones.
CREATE INDEX versions_open ON versions (space_id, seq) WHERE decided = 0;

-- db/event.rs OR_AGAIN leaves a version that differs, with its raw query, as the last of `again`.
CREATE TRIGGER events_again AFTER UPDATE OF again ON events WHEN NEW.again ->> '$[#-1].raw' IS NOT NULL
BEGIN
  INSERT INTO versions (
    space_id, seq, what, uid, value, micros, currency, raw, received_at_ms, last_at_ms, times, decided
  )
  SELECT
    NEW.space_id, NEW.seq,
    json_array(replace(v.version ->> 'uid', '+', ' '), v.version ->> 'micros', v.version ->> 'currency'),
    v.version ->> 'uid', v.version ->> 'value', v.version ->> 'micros', v.version ->> 'currency', v.version ->> 'raw',
    v.version ->> 'ms', v.version ->> 'ms', 1, 0
  FROM (SELECT NEW.again -> '$[#-1]' AS version) v
  WHERE true
  ON CONFLICT (space_id, seq, what) DO UPDATE SET times = times + 1, last_at_ms = excluded.last_at_ms;
  UPDATE events SET again = json_remove(again, '$[' || (json_array_length(again) - 1) || '].raw')
  WHERE space_id = NEW.space_id AND seq = NEW.seq;
END;

-- What somebody decided about an event, and its undoing, which is a decision too. To put one in is to carry it
-- out; `n` being the next number is what makes a form that is sent twice decide once.
CREATE TABLE decisions (
  space_id INTEGER NOT NULL,
  seq      INTEGER NOT NULL, -- the event
  n        INTEGER NOT NULL, -- 1, 2, … of this event
  kind     TEXT    NOT NULL, -- see src/model/decision.rs
  reason   TEXT    NOT NULL, -- what they wrote; may be empty
  other    INTEGER,          -- the other event, of those that are about two
  before   TEXT    NOT NULL, -- JSON of the event as it was, by column
  after    TEXT,             -- JSON of the columns that it changes; NULL for none
  undoes   INTEGER,          -- the decision of this event that it takes back
  at_ms    INTEGER NOT NULL,
  PRIMARY KEY (space_id, seq, n)
) STRICT, WITHOUT ROWID;

-- A space's decisions that are copied to another database have been carried out already.
CREATE TRIGGER decisions_apply AFTER INSERT ON decisions
WHEN NEW.after IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state = 'arriving')
BEGIN
  UPDATE events SET
    event          = coalesce(NEW.after ->> 'event', event),
    uid            = iif(json_type(NEW.after, '$.uid') IS NULL, uid, NEW.after ->> 'uid'),
    eid            = iif(json_type(NEW.after, '$.eid') IS NULL, eid, NEW.after ->> 'eid'),
    value          = iif(json_type(NEW.after, '$.value') IS NULL, value, NEW.after ->> 'value'),
    micros         = iif(json_type(NEW.after, '$.micros') IS NULL, micros, CAST(NEW.after ->> 'micros' AS INTEGER)),
    currency       = coalesce(NEW.after ->> 'currency', currency),
    occurred_at_ms = coalesce(NEW.after ->> 'occurred_at_ms', occurred_at_ms),
    notes          = iif(json_type(NEW.after, '$.notes') IS NULL, notes, NEW.after ->> 'notes'),
    counted        = coalesce(NEW.after ->> 'counted', counted),
    first          = iif(
      json_type(NEW.after, '$.uid') IS NULL AND json_type(NEW.after, '$.event') IS NULL
        AND json_type(NEW.after, '$.counted') IS NULL,
      first,
      0
    )
  WHERE space_id = NEW.space_id AND seq = NEW.seq;
  UPDATE events SET link_id = coalesce(
    (
      SELECT c.link_id FROM clicks c WHERE c.space_id = events.space_id AND c.uid = coalesce(
        (SELECT x.uid FROM clicks x WHERE x.space_id = events.space_id AND x.uid = events.uid),
        iif(events.uid GLOB '*[ +]*', (
          SELECT f.uid FROM folded_clicks f
          WHERE f.space_id = events.space_id AND f.folded = replace(events.uid, '+', ' ')
          ORDER BY f.clicked_at_ms, f.uid LIMIT 1
        ), NULL)
      )
    ),
    0
  )
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND json_type(NEW.after, '$.uid') IS NOT NULL;
  INSERT INTO tg_users (space_id, tg_id)
  SELECT e.space_id, e.tg_id FROM events e
  WHERE e.space_id = NEW.space_id AND e.seq = NEW.seq AND e.tg_id IS NOT NULL
    AND json_type(NEW.after, '$.uid') IS NOT NULL;
  INSERT INTO firsts (space_id, event, uid, tg_id)
  VALUES (NEW.space_id, NEW.before ->> 'event', NEW.before ->> 'uid', NEW.before ->> 'tg_id');
  INSERT INTO firsts (space_id, event, uid, tg_id)
  SELECT e.space_id, e.event, e.uid, e.tg_id FROM events e WHERE e.space_id = NEW.space_id AND e.seq = NEW.seq;
END;

-- A conflict that is decided is none any more, until that is undone. What the event was before is a version too:
-- a retry of the same says nothing new.
CREATE TRIGGER decisions_settle AFTER INSERT ON decisions
WHEN NOT EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state = 'arriving')
BEGIN
  UPDATE versions SET decided = 0
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND NEW.undoes > 0 AND decided = NEW.undoes;
  UPDATE versions SET decided = NEW.n
  WHERE space_id = NEW.space_id AND seq = NEW.seq AND decided = 0
    AND NEW.kind IN ('keep_first', 'take_last', 'count_both');
  INSERT INTO versions (
    space_id, seq, what, uid, value, micros, currency, raw, received_at_ms, last_at_ms, times, decided
  )
  SELECT
    NEW.space_id, NEW.seq,
    json_array(replace(NEW.before ->> 'uid', '+', ' '), NEW.before ->> 'micros', NEW.before ->> 'currency'),
    NEW.before ->> 'uid', NEW.before ->> 'value', CAST(NEW.before ->> 'micros' AS INTEGER), NEW.before ->> 'currency',
    '', NEW.at_ms, NEW.at_ms, 0, -1
  WHERE coalesce(json_type(NEW.after, '$.uid'), json_type(NEW.after, '$.micros'), json_type(NEW.after, '$.currency'))
    IS NOT NULL
  ON CONFLICT (space_id, seq, what) DO NOTHING;
END;

-- Rules that mend what a space's sender does wrong, for all that comes while they are on. None is ever deleted:
-- an event's notes name the rule that acted on it.
CREATE TABLE rules (
  space_id      INTEGER NOT NULL,
  n             INTEGER NOT NULL, -- 1, 2, … of this space
  mend          TEXT    NOT NULL, -- JSON; see src/postback/mend.rs
  created_at_ms INTEGER NOT NULL,
  ended_at_ms   INTEGER,          -- NULL while it is on
  PRIMARY KEY (space_id, n)
) STRICT, WITHOUT ROWID;

-- A space whose keys are to know which of its rules are on, put into this view.
CREATE VIEW rules_on AS
SELECT space_id, iif(count(*) = count(ended_at_ms), 0, count(*) + count(ended_at_ms)) AS number
FROM rules GROUP BY space_id;

CREATE TRIGGER rules_count INSTEAD OF INSERT ON rules_on
BEGIN
  UPDATE keys SET rules = coalesce((SELECT r.number FROM rules_on r WHERE r.space_id = NEW.space_id), 0)
  WHERE space_id = NEW.space_id;
END;

CREATE TRIGGER rules_begin AFTER INSERT ON rules
BEGIN
  INSERT INTO rules_on (space_id) VALUES (NEW.space_id);
END;

CREATE TRIGGER rules_end AFTER UPDATE OF ended_at_ms ON rules
BEGIN
  INSERT INTO rules_on (space_id) VALUES (NEW.space_id);
END;

CREATE TRIGGER keys_rules AFTER INSERT ON keys WHEN EXISTS (SELECT 1 FROM rules r WHERE r.space_id = NEW.space_id)
BEGIN
  INSERT INTO rules_on (space_id) VALUES (NEW.space_id);
END;

-- Refused postbacks and events that are being mended and done again, a piece at a time.
CREATE TABLE replays (
  space_id      INTEGER NOT NULL,
  n             INTEGER NOT NULL, -- 1, 2, … of this space
  what          TEXT    NOT NULL, -- JSON of which, and how they are mended; see src/postback/replay.rs
  total         INTEGER NOT NULL,
  done          INTEGER NOT NULL DEFAULT 0,
  stored        INTEGER NOT NULL DEFAULT 0, -- those that are events now, or were changed
  known         INTEGER NOT NULL DEFAULT 0, -- those that had been events already
  after         TEXT    NOT NULL DEFAULT '', -- the number of the last one that is done; empty before
  created_at_ms INTEGER NOT NULL,
  ended_at_ms   INTEGER,          -- NULL while it runs
  PRIMARY KEY (space_id, n)
) STRICT, WITHOUT ROWID;

-- The cron looks for those that were broken off.
CREATE INDEX replays_open ON replays (space_id, n) WHERE ended_at_ms IS NULL;

-- Findings that a user does not want to see.
CREATE TABLE mutes (
  space_id    INTEGER NOT NULL,
  source      TEXT    NOT NULL,
  cause       TEXT    NOT NULL,
  muted_at_ms INTEGER NOT NULL,
  PRIMARY KEY (space_id, source, cause)
) STRICT, WITHOUT ROWID;

-- What a space's findings came to when they were last looked for: all that the overview reads of them.
CREATE TABLE health (
  space_id    INTEGER NOT NULL PRIMARY KEY,
  looked_ms   INTEGER NOT NULL,
  newest      TEXT    NOT NULL, -- JSON array of the newest event's and the newest refused postback's number
  findings    INTEGER NOT NULL, -- how many, those that are muted left out
  first       TEXT    NOT NULL  -- the sentence of the first of them; empty for none
) STRICT;

-- Postbacks whose key looked like one of ours and opened nothing, by hour. Of the key there is its beginning,
-- which anybody may know. db/unknown_key.rs bounds how many rows an hour has.
CREATE TABLE unknown_keys (
  hour     INTEGER NOT NULL, -- time / 3600000
  space_id INTEGER NOT NULL, -- whose key it was; 0 where that is not known
  prefix   TEXT    NOT NULL,
  address  TEXT    NOT NULL, -- of the sender
  is_ours  INTEGER NOT NULL, -- 1: this deployment made it
  ended_ms INTEGER,          -- when it ended, where that is known
  count    INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms  INTEGER NOT NULL,
  PRIMARY KEY (hour, space_id, prefix, address)
) STRICT, WITHOUT ROWID;

-- What the dashboard changes waits while a space moves, as the rest does (0002_databases.sql).
CREATE TRIGGER decisions_stay BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER rules_stay BEFORE INSERT ON rules
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER rules_stay_as_they_are BEFORE UPDATE ON rules
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER replays_stay BEFORE INSERT ON replays
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

CREATE TRIGGER mutes_stay BEFORE INSERT ON mutes
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;

-- A piece of a replay goes on in the transaction that stores it, and not while its space is copied.
CREATE TRIGGER replays_stay_as_they_are BEFORE UPDATE ON replays
WHEN EXISTS (SELECT 1 FROM moves m WHERE m.space_id = NEW.space_id AND m.state IN ('leaving', 'left'))
BEGIN
  SELECT RAISE(ABORT, 'the space is being moved');
END;
