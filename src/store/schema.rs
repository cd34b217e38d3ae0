// @generated automatically by Diesel CLI.

diesel::table! {
    account_cursors (account_id) {
        account_id -> BigInt,
        pts -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    account_sessions (account_id) {
        account_id -> BigInt,
        nickname -> Nullable<Text>,
        picture -> Nullable<Text>,
        ends_at -> Nullable<BigInt>,
        checked_at -> Nullable<BigInt>,
        check_day -> BigInt,
        checks_used -> BigInt,
        check_silent -> Bool,
        kicked_at -> Nullable<BigInt>,
        kick_reason -> Nullable<Text>,
        kick_detail -> Nullable<Text>,
        probed_at -> Nullable<BigInt>,
        probe_ms -> Nullable<BigInt>,
        probe_error -> Nullable<Text>,
        gaps_filled -> BigInt,
        gap_filled_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    account_states (account_id) {
        account_id -> BigInt,
        state -> Text,
        reason -> Text,
        detail -> Nullable<Text>,
        since -> BigInt,
    }
}

diesel::table! {
    account_tokens (account_id) {
        account_id -> BigInt,
        token -> Nullable<Binary>,
        device_id -> Text,
        credentials_version -> BigInt,
        issued_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        budget_day -> BigInt,
        budget_used -> BigInt,
        breaker_since -> Nullable<BigInt>,
        breaker_reason -> Nullable<Text>,
        breaker_url -> Nullable<Binary>,
    }
}

diesel::table! {
    accounts (id) {
        id -> BigInt,
        owner_id -> BigInt,
        name -> Text,
        platform_uid -> Text,
        cookie -> Binary,
        credentials_version -> BigInt,
        enabled -> Bool,
        stopped -> Bool,
        debounce_ms -> Nullable<BigInt>,
        longest_wait_ms -> Nullable<BigInt>,
        takeover_pause_ms -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        credentials_set_at -> BigInt,
        proxy -> Nullable<Binary>,
    }
}

diesel::table! {
    ai_usage (account_id, day) {
        account_id -> BigInt,
        day -> BigInt,
        calls -> BigInt,
        failures -> BigInt,
        tokens_in -> BigInt,
        tokens_out -> BigInt,
        cost -> BigInt,
    }
}

diesel::table! {
    answer_settings (account_id) {
        account_id -> BigInt,
        sources_off -> Text,
        ai -> Text,
        ai_key -> Nullable<Binary>,
        hook -> Nullable<Text>,
        hook_secret -> Nullable<Binary>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    api_token_accounts (token_id, account_id) {
        token_id -> BigInt,
        account_id -> BigInt,
    }
}

diesel::table! {
    api_tokens (id) {
        id -> BigInt,
        user_id -> BigInt,
        name -> Text,
        prefix -> Text,
        hash -> Binary,
        access -> Text,
        all_accounts -> Bool,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit (id) {
        id -> BigInt,
        at -> BigInt,
        actor_id -> Nullable<BigInt>,
        actor -> Text,
        via -> Text,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        owner_id -> Nullable<BigInt>,
        action -> Text,
        object_type -> Text,
        object_id -> Text,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
    }
}

diesel::table! {
    bargains (account_id, conversation_id) {
        account_id -> BigInt,
        conversation_id -> Text,
        item_id -> Text,
        rounds -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    blocked_buyers (id) {
        id -> BigInt,
        owner_id -> BigInt,
        account_id -> Nullable<BigInt>,
        buyer_id -> Text,
        note -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    buyer_notes (id) {
        id -> BigInt,
        owner_id -> BigInt,
        buyer_id -> Text,
        text -> Text,
        author_id -> Nullable<BigInt>,
        author -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    buyer_tags (owner_id, buyer_id, tag) {
        owner_id -> BigInt,
        buyer_id -> Text,
        tag -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    card_parts (card_id, position) {
        owner_id -> BigInt,
        card_id -> BigInt,
        position -> BigInt,
        part_id -> BigInt,
    }
}

diesel::table! {
    cards (id) {
        id -> BigInt,
        owner_id -> BigInt,
        name -> Text,
        kind -> Text,
        enabled -> Bool,
        description -> Text,
        content -> Nullable<Binary>,
        low_stock -> Nullable<BigInt>,
        low_since -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    challenges (id) {
        id -> Text,
        account_id -> BigInt,
        url -> Binary,
        state -> Text,
        trouble -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        opened_at -> Nullable<BigInt>,
        opened_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    chat_messages (account_id, message_id) {
        account_id -> BigInt,
        message_id -> Text,
        conversation_id -> Text,
        sender_id -> Text,
        sender_name -> Nullable<Text>,
        content_type -> BigInt,
        text -> Text,
        item_id -> Nullable<Text>,
        sent_at -> BigInt,
        received_at -> BigInt,
        source -> Text,
        decision -> Nullable<Text>,
        reason -> Nullable<Text>,
        rule_id -> Nullable<BigInt>,
        turn_id -> Nullable<Text>,
        settled_at -> Nullable<BigInt>,
        decided_at -> Nullable<BigInt>,
        needs_person -> Bool,
        trail -> Nullable<Text>,
        intent -> Nullable<Text>,
    }
}

diesel::table! {
    conversations (account_id, conversation_id) {
        account_id -> BigInt,
        conversation_id -> Text,
        peer_id -> Nullable<Text>,
        peer_name -> Nullable<Text>,
        item_id -> Nullable<Text>,
        item_title -> Nullable<Text>,
        side -> Text,
        paused_until -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    deliveries (account_id, order_id, unit) {
        account_id -> BigInt,
        order_id -> Text,
        unit -> BigInt,
        state -> Text,
        rule_id -> Nullable<BigInt>,
        round -> BigInt,
        claimed_at -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    delivery_message_parts (message_id, part_id) {
        message_id -> BigInt,
        part_id -> BigInt,
    }
}

diesel::table! {
    delivery_messages (id) {
        id -> BigInt,
        account_id -> BigInt,
        order_id -> Text,
        position -> BigInt,
        state -> Text,
        body -> Binary,
        reason -> Nullable<Text>,
        message_id -> Nullable<Text>,
        planned_at -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    delivery_parts (id) {
        id -> BigInt,
        account_id -> BigInt,
        order_id -> Text,
        unit -> BigInt,
        round -> BigInt,
        position -> BigInt,
        card_id -> BigInt,
        claim -> Text,
        unit_id -> Nullable<BigInt>,
        content -> Nullable<Binary>,
        state -> Text,
    }
}

diesel::table! {
    delivery_rule_cards (rule_id, position) {
        owner_id -> BigInt,
        rule_id -> BigInt,
        position -> BigInt,
        card_id -> BigInt,
    }
}

diesel::table! {
    delivery_rules (id) {
        id -> BigInt,
        owner_id -> BigInt,
        account_id -> Nullable<BigInt>,
        item_id -> Nullable<Text>,
        keyword -> Nullable<Text>,
        spec -> Nullable<Text>,
        priority -> BigInt,
        enabled -> Bool,
        quantity -> Text,
        delay_s -> BigInt,
        per_day -> Nullable<BigInt>,
        from_minute -> Nullable<BigInt>,
        to_minute -> Nullable<BigInt>,
        note -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    delivery_settings (account_id) {
        account_id -> BigInt,
        enabled -> Bool,
        confirm_shipment -> Bool,
        free_shipping -> Bool,
        receipt -> Text,
        out_of_stock -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    email_codes (email, purpose) {
        email -> Text,
        purpose -> Text,
        hash -> Binary,
        tries -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    facts (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    follow_up_settings (account_id) {
        account_id -> BigInt,
        rate -> Bool,
        rate_texts -> Text,
        rate_delay_m -> BigInt,
        flower -> Bool,
        ask -> Bool,
        ask_after_d -> BigInt,
        ask_text -> Text,
        close -> Bool,
        close_after_m -> BigInt,
        close_reason -> Text,
        off_sale -> Bool,
        updated_at -> BigInt,
    }
}

diesel::table! {
    handovers (account_id, conversation_id) {
        account_id -> BigInt,
        conversation_id -> Text,
        to_user -> Nullable<BigInt>,
        to_name -> Nullable<Text>,
        by_user -> Nullable<BigInt>,
        by_name -> Text,
        note -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> BigInt,
        key -> Text,
        fingerprint -> Binary,
        status -> Nullable<BigInt>,
        body -> Nullable<Binary>,
        created_at -> BigInt,
    }
}

diesel::table! {
    item_syncs (account_id) {
        account_id -> BigInt,
        state -> Text,
        page -> BigInt,
        done -> BigInt,
        total -> Nullable<BigInt>,
        error -> Nullable<Text>,
        queued_at -> Nullable<BigInt>,
        started_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        synced_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    items (account_id, item_id) {
        account_id -> BigInt,
        item_id -> Text,
        seller_id -> Text,
        title -> Text,
        fetched_at -> BigInt,
        description -> Text,
        price_fen -> Nullable<BigInt>,
        specs -> Text,
        stock -> Nullable<BigInt>,
        status -> Text,
        picture_url -> Nullable<Text>,
        listed -> Bool,
        listed_at -> Nullable<BigInt>,
        listed_as -> Nullable<Text>,
        detail_fetched_at -> Nullable<BigInt>,
        detail_tried_at -> Nullable<BigInt>,
        changed_at -> BigInt,
        ai_facts -> Text,
        floor_fen -> Nullable<BigInt>,
        multi_spec -> Bool,
        multi_quantity -> Bool,
        polish -> Bool,
        polished_day -> Nullable<BigInt>,
        polish_tried_at -> Nullable<BigInt>,
        polish_error -> Nullable<Text>,
    }
}

diesel::table! {
    notices (id) {
        id -> BigInt,
        owner_id -> BigInt,
        account_id -> Nullable<BigInt>,
        buyer_id -> Nullable<Text>,
        event -> Text,
        severity -> Text,
        key -> Text,
        subject -> Text,
        count -> BigInt,
        told -> BigInt,
        stage -> Text,
        first_at -> BigInt,
        last_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        seen_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    notify_channels (id) {
        id -> BigInt,
        owner_id -> BigInt,
        name -> Text,
        kind -> Text,
        config -> Binary,
        enabled -> Bool,
        language -> Text,
        quiet_hours -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    notify_deliveries (id) {
        id -> BigInt,
        notice_id -> BigInt,
        channel_id -> BigInt,
        phase -> Text,
        uid -> Text,
        digest -> Bool,
        state -> Text,
        attempts -> BigInt,
        next_at -> BigInt,
        error -> Nullable<Text>,
        created_at -> BigInt,
        sent_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    notify_subscriptions (channel_id, event) {
        channel_id -> BigInt,
        event -> Text,
        min_severity -> Text,
    }
}

diesel::table! {
    once_replies (account_id, conversation_id, rule_id) {
        account_id -> BigInt,
        conversation_id -> Text,
        rule_id -> BigInt,
        outbox_id -> BigInt,
    }
}

diesel::table! {
    order_actions (account_id, order_id, kind) {
        account_id -> BigInt,
        order_id -> Text,
        kind -> Text,
        state -> Text,
        tries -> BigInt,
        error -> Nullable<Text>,
        not_before -> BigInt,
        done_at -> Nullable<BigInt>,
        wanted -> Nullable<Text>,
        asked_by -> Nullable<Text>,
    }
}

diesel::table! {
    order_changes (id) {
        id -> BigInt,
        account_id -> BigInt,
        order_id -> Text,
        from_status -> Nullable<Text>,
        to_status -> Text,
        cause -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    order_events (id) {
        id -> BigInt,
        account_id -> BigInt,
        order_id -> Nullable<Text>,
        event -> Text,
        conversation_id -> Text,
        message_id -> Text,
        buyer_id -> Nullable<Text>,
        item_id -> Nullable<Text>,
        at -> BigInt,
        seen_at -> BigInt,
        handled_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    order_syncs (account_id) {
        account_id -> BigInt,
        due_at -> Nullable<BigInt>,
        synced_at -> Nullable<BigInt>,
        tries -> BigInt,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    orders (account_id, id) {
        account_id -> BigInt,
        id -> Text,
        status -> Nullable<Text>,
        buyer_id -> Nullable<Text>,
        buyer_name -> Nullable<Text>,
        conversation_id -> Nullable<Text>,
        item_id -> Nullable<Text>,
        spec -> Text,
        quantity -> BigInt,
        price -> Nullable<BigInt>,
        amount -> Nullable<BigInt>,
        address -> Nullable<Binary>,
        is_bargain -> Bool,
        placed_at -> Nullable<BigInt>,
        paid_at -> Nullable<BigInt>,
        shipped_at -> Nullable<BigInt>,
        completed_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        seen_at -> BigInt,
        read_at -> Nullable<BigInt>,
        read_due -> Nullable<BigInt>,
        read_cause -> Nullable<Text>,
        read_tries -> BigInt,
        read_error -> Nullable<Text>,
        deliver_due -> Nullable<BigInt>,
    }
}

diesel::table! {
    outbox (account_id, id) {
        account_id -> BigInt,
        id -> BigInt,
        conversation_id -> Text,
        peer_id -> Text,
        body -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        message_id -> Nullable<Text>,
        origin -> Text,
        rule_id -> Nullable<BigInt>,
        in_reply_to -> Nullable<Text>,
        attempts -> Integer,
        created_at -> BigInt,
        sent_at -> Nullable<BigInt>,
        settled_at -> Nullable<BigInt>,
        expires_at -> BigInt,
        delivery -> Nullable<BigInt>,
    }
}

diesel::table! {
    picture_uploads (account_id, picture_id) {
        account_id -> BigInt,
        picture_id -> Text,
        url -> Text,
        width -> BigInt,
        height -> BigInt,
        uploaded_at -> BigInt,
    }
}

diesel::table! {
    pictures (owner_id, id) {
        owner_id -> BigInt,
        id -> Text,
        mime -> Text,
        width -> BigInt,
        height -> BigInt,
        size -> BigInt,
        created_at -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    quick_phrases (id) {
        id -> BigInt,
        owner_id -> BigInt,
        user_id -> Nullable<BigInt>,
        account_id -> Nullable<BigInt>,
        title -> Text,
        text -> Text,
        position -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    review_items (id) {
        id -> BigInt,
        account_id -> BigInt,
        order_id -> Text,
        reason -> Text,
        detail -> Nullable<Text>,
        opened_at -> BigInt,
        reminded_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        resolution -> Nullable<Text>,
        closed_by -> Nullable<Text>,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    revisions (topic) {
        topic -> Text,
        revision -> BigInt,
    }
}

diesel::table! {
    rule_cases (id) {
        id -> BigInt,
        account_id -> BigInt,
        name -> Text,
        script -> Text,
        blocks -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    rule_days (rule_id, day) {
        rule_id -> BigInt,
        day -> BigInt,
        hits -> BigInt,
        last_hit_at -> BigInt,
        answered -> BigInt,
        answer_ms -> BigInt,
        orders -> BigInt,
        last_order_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    rule_events (id) {
        id -> BigInt,
        account_id -> BigInt,
        rule_id -> BigInt,
        conversation_id -> Text,
        buyer_id -> Text,
        item_id -> Nullable<Text>,
        order_id -> Nullable<Text>,
        cause -> Text,
        due_at -> BigInt,
        made_at -> BigInt,
        done_at -> Nullable<BigInt>,
        reason -> Nullable<Text>,
        trail -> Nullable<Text>,
    }
}

diesel::table! {
    rule_uses (account_id, buyer_id, rule_id) {
        account_id -> BigInt,
        buyer_id -> Text,
        rule_id -> BigInt,
        day -> BigInt,
        uses -> BigInt,
    }
}

diesel::table! {
    rule_versions (id) {
        id -> BigInt,
        owner_id -> BigInt,
        account_id -> Nullable<BigInt>,
        number -> BigInt,
        cause -> Text,
        note -> Text,
        actor_id -> Nullable<BigInt>,
        actor -> Text,
        via -> Text,
        added -> BigInt,
        changed -> BigInt,
        removed -> BigInt,
        changes -> Text,
        made_at -> BigInt,
    }
}

diesel::table! {
    rules (id) {
        id -> BigInt,
        owner_id -> BigInt,
        account_id -> Nullable<BigInt>,
        matching -> Text,
        keyword -> Text,
        any_of -> Text,
        all_of -> Text,
        exclude -> Text,
        actions -> Text,
        once -> Bool,
        priority -> Integer,
        enabled -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        only_accounts -> Text,
        items -> Text,
        trigger_on -> Text,
        silent_minutes -> BigInt,
        conditions -> Text,
        delay_s -> BigInt,
        per_day -> Nullable<BigInt>,
        live -> Bool,
        draft -> Nullable<Text>,
    }
}

diesel::table! {
    sales_counted (account_id, order_id) {
        account_id -> BigInt,
        order_id -> Text,
        paid_fen -> Nullable<BigInt>,
        shipped -> Bool,
        completed -> Bool,
        ended -> Bool,
        units -> BigInt,
        delivered -> Bool,
    }
}

diesel::table! {
    sales_figures (account_id, day, item_id) {
        account_id -> BigInt,
        day -> BigInt,
        item_id -> Text,
        placed -> BigInt,
        paid -> BigInt,
        paid_fen -> BigInt,
        shipped -> BigInt,
        units_delivered -> BigInt,
        orders_delivered -> BigInt,
        completed -> BigInt,
        completed_fen -> BigInt,
        refunded -> BigInt,
        refunded_fen -> BigInt,
        closed -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> BigInt,
        created_at -> BigInt,
        seen_at -> BigInt,
        expires_at -> BigInt,
        ends_at -> BigInt,
        address -> Text,
        agent -> Text,
    }
}

diesel::table! {
    settings (key) {
        key -> Text,
        value -> Nullable<Text>,
        sealed -> Nullable<Binary>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    suggestions (id) {
        id -> BigInt,
        account_id -> BigInt,
        conversation_id -> Text,
        message_id -> Text,
        state -> Text,
        intent -> Text,
        text -> Text,
        sent_text -> Nullable<Text>,
        created_at -> BigInt,
        settled_at -> Nullable<BigInt>,
        is_round -> Bool,
    }
}

diesel::table! {
    unit_events (card_id, number) {
        card_id -> BigInt,
        number -> BigInt,
        unit_id -> BigInt,
        from_state -> Nullable<Text>,
        to_state -> Text,
        claim -> Nullable<Text>,
        at -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    units (id) {
        id -> BigInt,
        owner_id -> BigInt,
        card_id -> BigInt,
        state -> Text,
        content -> Binary,
        fingerprint -> Binary,
        duplicate -> Bool,
        claim -> Nullable<Text>,
        imported_at -> BigInt,
        changed_at -> BigInt,
    }
}

diesel::table! {
    unknown_pushes (id) {
        id -> BigInt,
        account_id -> BigInt,
        received_at -> BigInt,
        object_type -> Nullable<BigInt>,
        error -> Nullable<Text>,
        data -> Binary,
    }
}

diesel::table! {
    user_accounts (user_id, account_id) {
        user_id -> BigInt,
        account_id -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        name -> Text,
        password_hash -> Text,
        created_at -> BigInt,
        role -> Text,
        employer_id -> Nullable<BigInt>,
        email -> Nullable<Text>,
        active -> Bool,
        totp_secret -> Nullable<Binary>,
        totp_confirmed -> Bool,
        totp_step -> Nullable<BigInt>,
        updated_at -> BigInt,
        time_zone -> Text,
    }
}

diesel::table! {
    welcome_steps (user_id, step) {
        user_id -> BigInt,
        step -> Text,
        done -> Bool,
    }
}

diesel::joinable!(account_cursors -> accounts (account_id));
diesel::joinable!(account_sessions -> accounts (account_id));
diesel::joinable!(account_states -> accounts (account_id));
diesel::joinable!(account_tokens -> accounts (account_id));
diesel::joinable!(accounts -> users (owner_id));
diesel::joinable!(ai_usage -> accounts (account_id));
diesel::joinable!(answer_settings -> accounts (account_id));
diesel::joinable!(api_token_accounts -> accounts (account_id));
diesel::joinable!(api_token_accounts -> api_tokens (token_id));
diesel::joinable!(api_tokens -> users (user_id));
diesel::joinable!(bargains -> accounts (account_id));
diesel::joinable!(blocked_buyers -> accounts (account_id));
diesel::joinable!(blocked_buyers -> users (owner_id));
diesel::joinable!(buyer_notes -> users (owner_id));
diesel::joinable!(buyer_tags -> users (owner_id));
diesel::joinable!(challenges -> accounts (account_id));
diesel::joinable!(chat_messages -> accounts (account_id));
diesel::joinable!(conversations -> accounts (account_id));
diesel::joinable!(handovers -> accounts (account_id));
diesel::joinable!(handovers -> users (to_user));
diesel::joinable!(idempotency_keys -> users (user_id));
diesel::joinable!(item_syncs -> accounts (account_id));
diesel::joinable!(items -> accounts (account_id));
diesel::joinable!(notices -> accounts (account_id));
diesel::joinable!(notices -> users (owner_id));
diesel::joinable!(notify_channels -> users (owner_id));
diesel::joinable!(notify_deliveries -> notices (notice_id));
diesel::joinable!(notify_deliveries -> notify_channels (channel_id));
diesel::joinable!(notify_subscriptions -> notify_channels (channel_id));
diesel::joinable!(once_replies -> accounts (account_id));
diesel::joinable!(once_replies -> rules (rule_id));
diesel::joinable!(order_events -> accounts (account_id));
diesel::joinable!(outbox -> accounts (account_id));
diesel::joinable!(picture_uploads -> accounts (account_id));
diesel::joinable!(pictures -> users (owner_id));
diesel::joinable!(quick_phrases -> accounts (account_id));
diesel::joinable!(rule_cases -> accounts (account_id));
diesel::joinable!(rule_days -> rules (rule_id));
diesel::joinable!(rule_events -> accounts (account_id));
diesel::joinable!(rule_events -> rules (rule_id));
diesel::joinable!(rule_uses -> accounts (account_id));
diesel::joinable!(rule_uses -> rules (rule_id));
diesel::joinable!(rule_versions -> accounts (account_id));
diesel::joinable!(rule_versions -> users (owner_id));
diesel::joinable!(rules -> accounts (account_id));
diesel::joinable!(rules -> users (owner_id));
diesel::joinable!(sales_figures -> accounts (account_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(suggestions -> accounts (account_id));
diesel::joinable!(unknown_pushes -> accounts (account_id));
diesel::joinable!(user_accounts -> accounts (account_id));
diesel::joinable!(user_accounts -> users (user_id));
diesel::joinable!(welcome_steps -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    account_cursors,
    account_sessions,
    account_states,
    account_tokens,
    accounts,
    ai_usage,
    answer_settings,
    api_token_accounts,
    api_tokens,
    audit,
    bargains,
    blocked_buyers,
    buyer_notes,
    buyer_tags,
    card_parts,
    cards,
    challenges,
    chat_messages,
    conversations,
    deliveries,
    delivery_message_parts,
    delivery_messages,
    delivery_parts,
    delivery_rule_cards,
    delivery_rules,
    delivery_settings,
    email_codes,
    facts,
    follow_up_settings,
    handovers,
    idempotency_keys,
    item_syncs,
    items,
    notices,
    notify_channels,
    notify_deliveries,
    notify_subscriptions,
    once_replies,
    order_actions,
    order_changes,
    order_events,
    order_syncs,
    orders,
    outbox,
    picture_uploads,
    pictures,
    quick_phrases,
    review_items,
    revisions,
    rule_cases,
    rule_days,
    rule_events,
    rule_uses,
    rule_versions,
    rules,
    sales_counted,
    sales_figures,
    sessions,
    settings,
    suggestions,
    unit_events,
    units,
    unknown_pushes,
    user_accounts,
    users,
    welcome_steps,
);
