-- Local development only: dev.sh applies this with --local, deploy.sh never does. Its tokens are public.

INSERT OR IGNORE INTO spaces (id, name, time_zone, created_at_ms) VALUES (1, 'Demo', 'UTC', 0);

-- SHA-256 of the tokens xt_in_local and xt_sk_local.
INSERT OR IGNORE INTO keys (hash, space_id, kind, created_at_ms, expires_at_ms) VALUES
    ('90724e7d9c25e68fc049a25f21c75c247bf2278a9cbbd43f80ab308af836fba2', 1, 'ingest', 0, NULL),
    ('e6304e50f0b7a4c29615385981bedbea1c4a72a89ccf3f2d0eecf24cdf9f47a6', 1, 'bearer', 0, NULL);

-- One link of each kind; make demo sends visitors over them.
INSERT OR IGNORE INTO links (id, space_id, slug, name, kind, target, uid_parameter, page, enabled, created_at_ms) VALUES
    (1, 1, 'demo-bot', 'Demo bot', 'bot', 'xtracker_demo_bot', 'uid', NULL, 1, 0),
    (2, 1, 'demo-channel', 'Demo channel', 'channel', 'https://t.me/+xtrackerdemo', 'uid',
        '{"title":"Free signals","text":"Every day at nine.","button":"Open the channel"}', 1, 0),
    (3, 1, 'demo-web', 'Demo offer', 'web', 'https://offer.example/register?promo=50', 'click_id', NULL, 1, 0);
