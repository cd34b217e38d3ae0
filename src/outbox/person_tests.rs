//! What people do to the outbox of an account that runs.

use super::*;

impl Outbox {
    /// A buyer has written in conversation "1".
    async fn buyer_wrote(&self) {
        let row = store::chat_messages::NewMessage {
            account: self.facts.id,
            message: "1.PNM".into(),
            conversation: "1".into(),
            sender: "3300001".into(),
            sender_name: None,
            content_type: 1,
            text: "在吗".into(),
            item: None,
            sent_at: clock::unix(),
            received_at: clock::unix(),
            source: store::chat_messages::Source::Push,
            decision: Some("silent"),
            reason: Some("no_rule".into()),
            decided_at: Some(clock::unix()),
            needs_person: true,
        };
        self.bed.write(move |conn| store::chat_messages::insert_new(conn, &[row])).await;
    }

    fn by_hand(&self, conversation: &str, texts: &[&str]) -> SendByPerson {
        SendByPerson {
            account: self.facts.id,
            conversation: conversation.into(),
            bodies: texts.iter().map(|text| Body::Text { text: (*text).into() }).collect(),
            expire_after: None,
            approved: false,
        }
    }

    async fn write_by_hand(&self, texts: &[&str]) -> Result<Vec<Entry>, NotSent> {
        self.actor.send(self.by_hand("1", texts)).await.unwrap()
    }

    async fn act(&self, id: SendId, act: EntryAct) -> Result<Entry, NotActed> {
        self.actor.send(ActOnEntry { account: self.facts.id, id, act }).await.unwrap()
    }

    async fn switch(&self, switches: Switches) {
        self.actor.send(switches).await.unwrap();
    }

    /// A stored entry in this state, with a rule.
    async fn has(&self, id: i64, state: State) -> SendId {
        let entry = Entry {
            account: self.facts.id,
            id: SendId(id),
            conversation: "1".into(),
            peer: "3300001".into(),
            body: Body::Text { text: "在的".into() },
            state,
            reason: Some("before".into()),
            message: None,
            origin: Origin::Rule,
            rule: Some(RuleId(1)),
            delivery: None,
            in_reply_to: Some("1.PNM".into()),
            attempts: 1,
            created_at: Timestamp(id),
            sent_at: None,
            settled_at: None,
            expires_at: Timestamp(id),
        };
        self.bed.write(move |conn| store::outbox::insert_many(conn, &[entry])).await;
        SendId(id)
    }

    async fn paused(&self) -> Vec<(ConversationId, Timestamp)> {
        let id = self.facts.id;
        self.bed.write(move |conn| store::conversations::list_paused(conn, id, clock::unix())).await
    }
}

#[actix::test]
async fn a_persons_message_is_a_row_of_its_own_kind_before_it_is_a_frame_and_is_answered_with_it() {
    let mut outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    let entries = outbox.write_by_hand(&["您好", "在的"]).await.unwrap();
    let rows = outbox.bed.sends(outbox.facts.id).await;
    assert_eq!(entries, rows);
    let shape: Vec<_> = entries.iter().map(|entry| (entry.origin, entry.rule, entry.peer.as_str())).collect();
    assert_eq!(shape, [(Origin::Person, None, "3300001"); 2]);
    for (entry, message) in entries.iter().zip(["8.PNM", "9.PNM"]) {
        assert_eq!(outbox.answer_next(accepted(message)).await, entry.id);
    }
    outbox.settled().await;
    assert_eq!(outbox.settled().await.state, State::Confirmed);
}

/// T9: there, all accounts shared one table of pauses.
#[actix::test]
async fn t9_a_persons_message_pauses_that_conversation_of_that_account_and_ends_its_waiting() {
    let mut outbox = Outbox::start().await;
    let (takeover, mut takeovers) = listening();
    outbox.actor.send(ListenForTakeovers(takeover)).await.unwrap();
    outbox.buyer_wrote().await;
    let other = outbox.bed.account();
    outbox.write_by_hand(&["您好"]).await.unwrap();
    let told = takeovers.next().await;
    assert_eq!((told.account, told.conversation.clone()), (outbox.facts.id, "1".into()));
    assert_eq!(outbox.paused().await, [("1".into(), told.until)]);
    assert!(told.until.since(clock::unix()) > 599 * SECOND);
    let elsewhere =
        outbox.bed.write(move |conn| store::conversations::list_paused(conn, other.id, clock::unix())).await;
    assert_eq!(elsewhere, []);
    assert!(!outbox.bed.messages(outbox.facts.id, "1").await[0].needs_person, "a person took care of it");
    let paused = |event: &FeedEvent| matches!(event, FeedEvent::Paused { account, .. } if *account == told.account);
    while !paused(&outbox.feed.recv().await.unwrap()) {}
}

#[actix::test]
async fn where_the_pause_is_zero_a_persons_message_pauses_nothing() {
    let outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    let pace = crate::account::facts::Pace { takeover_pause: Duration::ZERO, ..outbox.facts.pace };
    outbox.actor.send(Amend(AccountFacts { pace, ..outbox.facts.clone() })).await.unwrap();
    outbox.write_by_hand(&["您好"]).await.unwrap();
    assert_eq!(outbox.paused().await, []);
}

#[actix::test]
async fn nobody_writes_first_by_hand_either() {
    let outbox = Outbox::start().await;
    assert_eq!(outbox.write_by_hand(&["您好"]).await, Err(NotSent::UnknownConversation));
    assert_eq!(outbox.bed.sends(outbox.facts.id).await, []);
}

#[actix::test]
async fn a_stop_switch_also_stops_what_is_written_by_hand() {
    let outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    outbox.switch(Switches { automatic: true, ..Switches::default() }).await;
    assert_eq!(outbox.write_by_hand(&["您好"]).await, Err(NotSent::Stopped));
    let accounts = Arc::new(HashSet::from([outbox.facts.id]));
    outbox.switch(Switches { accounts, ..Switches::default() }).await;
    assert_eq!(outbox.write_by_hand(&["您好"]).await, Err(NotSent::Stopped));
    outbox.switch(Switches { everything: true, ..Switches::default() }).await;
    assert_eq!(outbox.write_by_hand(&["您好"]).await, Err(NotSent::Unavailable));
    outbox.switch(Switches::default()).await;
    assert!(outbox.write_by_hand(&["您好"]).await.is_ok());
}

#[actix::test]
async fn what_is_written_by_hand_waits_for_the_line_until_it_expires_and_does_not_pile_up() {
    let mut outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    outbox.go_offline().await;
    let short = SendByPerson { expire_after: Some(2 * SECOND), ..outbox.by_hand("1", &["一"]) };
    let entries = outbox.actor.send(short).await.unwrap().unwrap();
    assert_eq!(entries[0].state, State::Queued);
    assert_eq!((outbox.settled().await.state, outbox.settled_at().await), (State::Expired, true));
    let many = vec!["一"; WAITING_BY_HAND];
    assert_eq!(outbox.write_by_hand(&many).await.unwrap().len(), WAITING_BY_HAND);
    assert_eq!(outbox.write_by_hand(&["二"]).await, Err(NotSent::TooMany));
}

impl Outbox {
    async fn settled_at(&self) -> bool {
        self.bed.sends(self.facts.id).await[0].settled_at.is_some()
    }
}

#[actix::test]
async fn nobody_hears_that_a_message_is_stored_before_it_is() {
    let outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    let broken = outbox.bed.break_table("outbox");
    let mut asked = Box::pin(outbox.write_by_hand(&["您好"]));
    assert!(tokio::time::timeout(5 * SECOND, &mut asked).await.is_err());
    drop(broken);
    assert_eq!(asked.await.unwrap().len(), 1);
}

#[actix::test]
async fn what_waits_to_be_stored_for_an_account_that_is_let_go_is_refused_and_never_sent() {
    let outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    let broken = outbox.bed.break_table("outbox");
    let mut first = Box::pin(outbox.write_by_hand(&["一"]));
    let mut second = Box::pin(outbox.write_by_hand(&["二"]));
    assert!(tokio::time::timeout(2 * SECOND, &mut first).await.is_err());
    assert!(tokio::time::timeout(2 * SECOND, &mut second).await.is_err());
    outbox.actor.send(DropAccount(outbox.facts.id)).await.unwrap();
    assert_eq!(second.await, Err(NotSent::Unavailable));
    drop(broken);
    assert_eq!(first.await.unwrap().len(), 1, "it was being stored already");
    assert_eq!(outbox.bed.sends(outbox.facts.id).await.len(), 1);
}

#[actix::test]
async fn what_is_queued_can_be_cancelled_and_the_rest_of_the_lane_goes_on() {
    let mut outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    outbox.go_offline().await;
    let entries = outbox.write_by_hand(&["一", "二", "三"]).await.unwrap();
    let cancelled = outbox.act(entries[1].id, EntryAct::Say(PersonsWord::Cancel)).await.unwrap();
    assert_eq!((cancelled.state, cancelled.reason.as_deref()), (State::Expired, Some("cancelled")));
    assert_eq!(outbox.states().await, [State::Queued, State::Expired, State::Queued]);
    outbox.go_online().await;
    for id in [entries[0].id, entries[2].id] {
        assert_eq!(outbox.answer_next(accepted(&format!("{}.PNM", id.0))).await, id);
    }
    assert!(outbox.line.transmitted.is_quiet_for(60 * SECOND).await);
}

#[actix::test]
async fn what_is_on_the_wire_settled_or_unknown_cannot_be_cancelled() {
    let mut outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    let id = outbox.write_by_hand(&["一"]).await.unwrap()[0].id;
    let wrong = |state| Err(NotSettled::WrongState(state).into());
    assert_eq!(outbox.act(id, EntryAct::Say(PersonsWord::Cancel)).await, wrong(State::Sent));
    outbox.answer_next(accepted("9.PNM")).await;
    assert_eq!(outbox.act(id, EntryAct::Say(PersonsWord::Cancel)).await, wrong(State::Confirmed));
    let unknown = outbox.act(SendId(404), EntryAct::Say(PersonsWord::Cancel)).await;
    assert_eq!(unknown, Err(NotSettled::NotFound.into()));
}

#[actix::test]
async fn a_refused_send_goes_out_again_as_a_new_one_that_the_old_one_names_once() {
    let mut outbox = Outbox::start().await;
    let old = outbox.has(7, State::Rejected).await;
    let again = EntryAct::SendAgain(IfSeen::Refuse);
    let (first, second) = tokio::join!(outbox.act(old, again), outbox.act(old, again));
    // The database does not say which of the two it looks at first.
    let (new, refused) = if first.is_ok() { (first.unwrap(), second) } else { (second.unwrap(), first) };
    assert_eq!(refused, Err(NotActed::SentAgain(new.id)), "two clicks are one message");
    assert_eq!((new.origin, new.rule, new.body.clone()), (Origin::Person, None, Body::Text { text: "在的".into() }));
    assert_eq!(outbox.answer_next(accepted("9.PNM")).await, new.id);
    outbox.settled().await;
    let rows = outbox.bed.sends(outbox.facts.id).await;
    assert_eq!((rows[0].state, rows[0].sent_again_as()), (State::Rejected, Some(new.id)));
    assert_eq!(outbox.act(old, again).await, Err(NotActed::SentAgain(new.id)));
    assert!(outbox.line.transmitted.is_quiet_for(60 * SECOND).await);
}

#[actix::test]
async fn what_the_buyer_may_have_seen_is_sent_again_only_by_who_says_so() {
    let mut outbox = Outbox::start().await;
    let doubtful = outbox.has(7, State::Uncertain).await;
    let seen = outbox.has(8, State::Confirmed).await;
    assert_eq!(outbox.act(doubtful, EntryAct::SendAgain(IfSeen::Refuse)).await, Err(NotActed::MayBeDuplicate));
    let all_the_same = EntryAct::SendAgain(IfSeen::SendAllTheSame);
    assert_eq!(outbox.act(seen, all_the_same).await, Err(NotSettled::WrongState(State::Confirmed).into()));
    let new = outbox.act(doubtful, all_the_same).await.unwrap();
    assert_eq!(outbox.answer_next(accepted("9.PNM")).await, new.id);
}

#[actix::test]
async fn a_person_settles_a_doubt_either_way_once_and_whoever_watches_is_told() {
    let mut outbox = Outbox::start().await;
    let [first, second] = [outbox.has(7, State::Uncertain).await, outbox.has(8, State::Uncertain).await];
    let arrived = outbox.act(first, EntryAct::Say(PersonsWord::Arrived)).await.unwrap();
    assert_eq!(arrived.state, State::Confirmed);
    assert_eq!(outbox.settled().await.id, first);
    let missing = outbox.act(second, EntryAct::Say(PersonsWord::NotArrived)).await.unwrap();
    assert_eq!((missing.state, missing.reason.as_deref()), (State::Rejected, Some("person_says_not_arrived")));
    let released = outbox.releases.next().await;
    assert_eq!((released.conversation, released.rule), ("1".into(), RuleId(1)), "it may be given again");
    let again = outbox.act(first, EntryAct::Say(PersonsWord::NotArrived)).await;
    assert_eq!(again, Err(NotSettled::WrongState(State::Confirmed).into()));
}

#[actix::test]
async fn an_account_that_is_not_taken_in_is_acted_on_by_nobody_here() {
    let outbox = Outbox::start().await;
    let id = outbox.has(7, State::Uncertain).await;
    outbox.actor.send(DropAccount(outbox.facts.id)).await.unwrap();
    let refused = Err(NotSent::Unavailable.into());
    assert_eq!(outbox.act(id, EntryAct::Say(PersonsWord::Arrived)).await, refused);
    assert_eq!(outbox.write_by_hand(&["一"]).await, Err(NotSent::Unavailable));
}

#[actix::test]
async fn every_state_of_a_send_is_told_after_it_is_stored() {
    let mut outbox = Outbox::start().await;
    outbox.buyer_wrote().await;
    outbox.go_offline().await;
    let id = outbox.write_by_hand(&["一"]).await.unwrap()[0].id;
    outbox.go_online().await;
    outbox.answer_next(accepted("9.PNM")).await;
    let mut states = Vec::new();
    while states.last() != Some(&State::Confirmed) {
        if let FeedEvent::Send(event) = outbox.feed.recv().await.unwrap() {
            assert_eq!((event.account, event.id, event.conversation), (outbox.facts.id, id, "1".into()));
            states.push(event.state);
        }
    }
    assert_eq!(states, [State::Queued, State::Sent, State::Confirmed]);
}

/// T13: an account that is deleted by hand takes nobody else down.
#[actix::test]
async fn t13_an_account_whose_row_is_gone_is_dropped_and_the_others_go_on() {
    let mut outbox = Outbox::start().await;
    let other = outbox.bed.account();
    outbox.actor.send(Adopt(other.clone())).await.unwrap().unwrap();
    let held = outbox.bed.hold_writer();
    outbox.decide("1", &["1.PNM"], "在的").await;
    let (scope, gone) = (outbox.bed.scope(), other.id);
    let store = outbox.bed.store.clone();
    let deleted =
        tokio::spawn(async move { store.write(move |conn| store::accounts::delete(conn, &scope, gone)).await });
    let_run().await;
    outbox.backlog.fetch_add(1, Ordering::Relaxed);
    outbox.actor.send(decided(&other, "2", &["2.PNM"], "在的")).await.unwrap();
    outbox.decide("3", &["3.PNM"], "包邮").await;
    drop(held);
    assert!(deleted.await.unwrap().unwrap());
    for conversation in ["1", "3"] {
        assert_eq!(outbox.line.transmitted.next().await.conversation.as_str(), conversation);
    }
    assert_eq!(outbox.load().await.accounts, 1);
    assert_eq!(outbox.backlog.load(Ordering::Relaxed), 0);
    assert_eq!(outbox.bed.sends(other.id).await, []);
}
