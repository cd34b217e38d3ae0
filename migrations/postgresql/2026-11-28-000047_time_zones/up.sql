-- By whose clock a person reads moments, by its IANA name. What the platform counts by the day stays on the platform's time.
ALTER TABLE users ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'Asia/Shanghai';
