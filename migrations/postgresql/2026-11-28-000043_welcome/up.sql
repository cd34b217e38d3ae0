-- Steps of setting up that somebody left out, or did where nothing else that is stored tells of it.
CREATE TABLE welcome_steps (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- 'account', 'rule', 'trial' or 'channel'
    step TEXT NOT NULL,
    -- FALSE: left out
    done BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, step)
);
