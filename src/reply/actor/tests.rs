//! The answering actor with a real database, a paused clock, and probes for the outbox and the account's line.
#![allow(clippy::unwrap_used)]

use tokio::sync::oneshot;

use super::*;
use crate::{
    inbox::messages,
    outbox::entry::Body,
    reply::{matcher::RuleBook, messages::AnswerSettings, rule::Rule},
    store::DbConn,
    testbed::{Bed, FakeLine, Heard, answering_later, but, let_run, listening, rule},
};

const SECOND: Duration = Duration::from_secs(1);

/// Turns of one account in work at once.
pub(super) const WORK: usize = 8;

pub(super) struct Replies {
    pub(super) bed: Bed,
    pub(super) facts: AccountFacts,
    pub(super) actor: Addr<ReplyActor>,
    pub(super) decided: Heard<Decided>,
    line: FakeLine,
    pub(super) backlog: Arc<AtomicUsize>,
    pub(super) answers: AnswerSettings,
    pub(super) hook: Asked<AskHook>,
    pub(super) ai: Asked<AskAi>,
    numbers: usize,
}

/// What somebody outside was asked, and where the answer goes.
pub(super) type Asked<M> = Heard<(M, oneshot::Sender<<M as Message>::Result>)>;

fn asked<M: Message<Result: Send> + Send + 'static>() -> (Recipient<M>, Asked<M>) {
    let (sender, heard) = Heard::new();
    let ask = answering_later(move |message| {
        let (answer, answered) = oneshot::channel();
        drop(sender.send((message, answer)));
        Box::pin(async move { answered.await.unwrap() })
    });
    (ask, heard)
}

impl Replies {
    /// One account that is online and answers everything with 在的.
    pub(super) async fn start() -> Self {
        let bed = Bed::paused();
        let facts = bed.account();
        let replies = Self::start_on(bed, facts).await;
        replies.go_online().await;
        replies
    }

    pub(super) async fn start_on(bed: Bed, facts: AccountFacts) -> Self {
        let (recipient, decided) = listening();
        let backlog = Arc::new(AtomicUsize::new(0));
        let capacity = NonZeroUsize::new(1000).unwrap();
        let config = Config {
            age_limit: Duration::from_secs(300),
            account_work: WORK,
            conversations: capacity,
            items: capacity,
            caches: Caches {
                conversations: Figures::new("conversations"),
                buyers: Figures::new("buyers"),
                sellers: Figures::new("sellers"),
                rules: Figures::new("rules"),
            },
        };
        let (hook, hook_asked) = asked();
        let (ai, ai_asked) = asked();
        let neighbours = Neighbours { outbox: recipient, hook, ai };
        let actor = ReplyActor::new(bed.store.clone(), config, neighbours, Arc::clone(&backlog)).start();
        actor.send(Adopt(facts.clone())).await.unwrap().unwrap();
        let replies = Self {
            bed,
            facts,
            actor,
            decided,
            line: FakeLine::new(),
            backlog,
            answers: AnswerSettings::default(),
            hook: hook_asked,
            ai: ai_asked,
            numbers: 0,
        };
        replies.rules(&[rule(1, "在", "在的")], &[]).await;
        replies
    }

    /// The process dies in a quiet moment and comes back.
    pub(super) async fn restart(self) -> Self {
        // A paused clock moves on when nothing is left to do.
        tokio::time::sleep(SECOND).await;
        let replies = Self::start_on(self.bed, self.facts).await;
        replies.go_online().await;
        replies
    }

    async fn go_online(&self) {
        let line = self.line.line.clone();
        self.actor.send(AccountOnline { account: self.facts.id, line }).await.unwrap();
    }

    pub(super) async fn rules(&self, rules: &[Rule], blocked: &[&str]) {
        let rules: Vec<_> = rules.iter().cloned().map(Arc::new).collect();
        let (book, faults) = RuleBook::compile(self.facts.id, &rules);
        assert_eq!(faults, []);
        let blocked = Arc::new(blocked.iter().map(|buyer| BuyerId::from(*buyer)).collect());
        let loaded =
            HashMap::from([(self.facts.id, AccountRules { book, blocked, answers: Arc::new(self.answers.clone()) })]);
        self.actor.send(RulesLoaded(Arc::new(loaded))).await.unwrap();
    }

    /// A buyer says 在吗.
    pub(super) async fn say(&mut self, conversation: &str, item: Option<&str>) {
        self.say_text(conversation, item, "在吗").await;
    }

    pub(super) async fn say_text(&mut self, conversation: &str, item: Option<&str>, text: &str) {
        let turn = self.turn(self.facts.id, conversation, item, text);
        self.actor.send(turn).await.unwrap();
    }

    pub(super) async fn say_to(&mut self, account: AccountId, conversation: &str, text: &str) {
        let turn = self.turn(account, conversation, None, text);
        self.actor.send(turn).await.unwrap();
    }

    /// As the inbox does: nobody waits until it is taken.
    pub(super) fn send_turn(&mut self, conversation: &str, text: &str) {
        let turn = self.turn(self.facts.id, conversation, None, text);
        self.actor.do_send(turn);
    }

    fn turn(&mut self, account: AccountId, conversation: &str, item: Option<&str>, text: &str) -> TurnSettled {
        self.numbers += 1;
        self.backlog.fetch_add(1, Ordering::Relaxed);
        let now = clock::unix();
        let message = messages::TurnMessage {
            id: format!("{}.PNM", self.numbers).into(),
            text: text.into(),
            is_text: true,
            sent_at: now,
            received_at: now,
        };
        TurnSettled {
            account,
            conversation: conversation.into(),
            buyer: "3300001".into(),
            buyer_name: Some("buyer".into()),
            item: item.map(ItemId::from),
            messages: vec![message],
            settled_at: now,
        }
    }

    pub(super) async fn answer(&mut self, conversation: &str, item: Option<&str>) -> String {
        self.say(conversation, item).await;
        self.verdict().await
    }

    /// What is sent, or why nothing is.
    pub(super) async fn verdict(&mut self) -> String {
        said(&self.decided.next().await)
    }

    async fn item_known(&self, item: &str, seller: Option<&str>) {
        let known = ItemKnown {
            account: self.facts.id,
            item: item.into(),
            seller: seller.map(BuyerId::from),
            title: Some("相机".into()),
        };
        self.actor.send(known).await.unwrap();
    }

    fn own_uid(&self) -> String {
        self.facts.uid.to_string()
    }

    async fn load(&self) -> Load {
        self.actor.send(Ping).await.unwrap()
    }
}

pub(super) fn said(decided: &Decided) -> String {
    match &decided.answer {
        Some(answer) => {
            let texts = answer.bodies.iter().map(|body| match body {
                Body::Text { text } => text.as_str(),
                Body::Image { url, .. } => url.as_str(),
            });
            texts.collect::<Vec<_>>().join("\n")
        }
        None => decided.verdict.reason.clone(),
    }
}

#[actix::test]
async fn a_turn_becomes_a_decision_with_its_reason_and_the_whole_turn() {
    let mut replies = Replies::start().await;
    replies.say("1", None).await;
    let decided = replies.decided.next().await;
    assert_eq!(said(&decided), "在的");
    assert_eq!((decided.verdict.decision, decided.verdict.reason.as_str()), ("answer", "rule"));
    assert_eq!(decided.verdict.rule, Some(RuleId(1)));
    assert_eq!((decided.messages, decided.trace.asked.as_str()), (vec!["1.PNM".into()], "在吗"));
    let facts = decided.conversation_facts.unwrap();
    assert_eq!((facts.peer.as_str(), facts.peer_name.as_deref()), ("3300001", Some("buyer")));
    replies.say("1", None).await;
    let again = replies.decided.next().await;
    assert!(again.conversation_facts.is_none(), "nothing new is known of the conversation");
}

#[actix::test]
async fn a_conversation_is_read_once_and_its_turns_wait_in_order_while_others_go_on() {
    let mut replies = Replies::start().await;
    assert_eq!(replies.answer("1", None).await, "在的");
    let broken = replies.bed.break_table("conversations");
    replies.say("2", None).await;
    replies.say("2", None).await;
    assert!(replies.decided.is_quiet_for(5 * SECOND).await, "decided without knowing of a pause");
    assert_eq!(replies.load().await, Load { accounts: 1, pending: 2 });
    assert_eq!(replies.answer("1", None).await, "在的");
    drop(broken);
    let turns = [replies.decided.next().await, replies.decided.next().await];
    let ids = turns.map(|decided| (decided.conversation, decided.messages));
    assert_eq!(ids, [("2".into(), vec!["2.PNM".into()]), ("2".into(), vec!["3.PNM".into()])]);
}

#[actix::test]
async fn an_item_is_asked_for_once_its_turns_wait_and_the_answer_is_kept_for_the_next_start() {
    let mut replies = Replies::start().await;
    replies.say("1", Some("700")).await;
    replies.say("2", Some("700")).await;
    let asked = replies.line.items.next().await;
    assert_eq!((asked.conversation, asked.item), ("1".into(), "700".into()));
    assert!(replies.line.items.is_quiet_for(SECOND).await);
    assert!(replies.decided.now().is_none());
    assert_eq!(replies.answer("3", None).await, "在的", "others do not wait for it");
    replies.item_known("700", Some(&replies.own_uid())).await;
    assert_eq!([replies.verdict().await, replies.verdict().await], ["在的", "在的"]);
    assert_eq!(replies.load().await.pending, 0);
    // Behind the row of the item.
    replies.bed.write(|_| Ok(())).await;

    let mut again = replies.restart().await;
    assert_eq!(again.answer("1", Some("700")).await, "在的");
    assert!(again.line.items.now().is_none());
}

/// Where we are the buyer, nothing is said.
#[actix::test]
async fn a_conversation_about_somebody_elses_item_is_left_alone() {
    let mut replies = Replies::start().await;
    replies.say("1", Some("700")).await;
    replies.line.items.next().await;
    replies.item_known("700", Some("4400001")).await;
    let decided = replies.decided.next().await;
    assert_eq!(said(&decided), "buyer_side");
    assert_eq!(decided.conversation_facts.unwrap().we_sell, Some(false));
    assert_eq!(replies.answer("1", Some("700")).await, "buyer_side");
}

#[actix::test]
async fn an_item_whose_seller_nobody_tells_waits_half_a_minute_and_goes_to_a_person() {
    let mut replies = Replies::start().await;
    replies.say("1", Some("700")).await;
    assert!(replies.decided.is_quiet_for(29 * SECOND).await);
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided), decided.verdict.needs_person), ("side_unknown".to_owned(), true));
    replies.line.items.next().await;
    replies.say("1", Some("700")).await;
    assert_eq!(replies.verdict().await, "side_unknown");
    assert!(replies.line.items.is_quiet_for(SECOND).await, "not asked again at once");
    tokio::time::sleep(ITEM_PAUSE).await;
    replies.say("1", Some("700")).await;
    replies.line.items.next().await;
    replies.item_known("700", Some(&replies.own_uid())).await;
    assert_eq!(replies.verdict().await, "在的");
}

#[actix::test]
async fn the_deadline_of_an_earlier_question_does_not_cut_a_later_one_short() {
    let mut replies = Replies::start().await;
    replies.say("1", Some("700")).await;
    tokio::time::sleep(20 * SECOND).await;
    replies.item_known("700", None).await;
    assert_eq!(replies.verdict().await, "side_unknown");
    tokio::time::sleep(ITEM_PAUSE).await;
    replies.say("1", Some("700")).await;
    assert!(replies.decided.is_quiet_for(25 * SECOND).await);
    replies.item_known("700", Some(&replies.own_uid())).await;
    assert_eq!(replies.verdict().await, "在的");
}

#[actix::test]
async fn a_question_without_a_line_waits_for_one() {
    let bed = Bed::paused();
    let facts = bed.account();
    let mut replies = Replies::start_on(bed, facts).await;
    replies.say("1", Some("700")).await;
    assert!(replies.line.items.is_quiet_for(SECOND).await);
    replies.go_online().await;
    assert_eq!(replies.line.items.next().await.item, "700".into());
    replies.actor.send(AccountOffline(replies.facts.id)).await.unwrap();
    replies.go_online().await;
    assert_eq!(replies.line.items.next().await.item, "700".into(), "lost with its line, it is asked on the next");
}

/// T9: a pause holds for one conversation of one account.
#[actix::test]
async fn a_takeover_pauses_its_conversation_until_it_ends_or_somebody_resumes() {
    let mut replies = Replies::start().await;
    assert_eq!(replies.answer("1", None).await, "在的");
    let took_over = |until: Timestamp| TookOver { account: replies.facts.id, conversation: "1".into(), until };
    replies.actor.send(took_over(clock::unix() + 60 * SECOND)).await.unwrap();
    replies.actor.send(took_over(clock::unix() + SECOND)).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(replies.answer("1", None).await, "seller_took_over", "a later, shorter pause does not shorten it");
    assert_eq!(replies.answer("2", None).await, "在的");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(replies.answer("1", None).await, "在的");
}

#[actix::test]
async fn a_pause_that_a_person_sets_or_ends_is_noticed_and_a_stored_one_is_read() {
    let mut replies = Replies::start().await;
    let (account, until) = (replies.facts.id, clock::unix() + 600 * SECOND);
    let pause = move |until: Option<Timestamp>| {
        move |conn: &mut DbConn| store::conversations::set_pause(conn, account, &"1".into(), until, clock::unix())
    };
    replies.bed.write(pause(Some(until))).await;
    assert_eq!(replies.answer("1", None).await, "seller_took_over");
    replies.bed.write(pause(None)).await;
    replies.actor.send(PausesChanged).await.unwrap();
    assert_eq!(replies.answer("1", None).await, "在的");
    replies.bed.write(pause(Some(until))).await;
    replies.actor.send(PausesChanged).await.unwrap();
    assert_eq!(replies.answer("1", None).await, "seller_took_over");
}

/// M13
#[actix::test]
async fn m13_a_once_reply_is_given_once_and_again_only_if_it_never_reached_the_buyer() {
    let mut replies = Replies::start().await;
    let once = but(rule(5, "", "欢迎"), |body| {
        body.once = true;
        body.matching = crate::reply::rule::Matching::Default;
    });
    replies.rules(&[once], &[]).await;
    assert_eq!(replies.answer("1", None).await, "欢迎");
    assert_eq!(replies.answer("1", None).await, "already_answered_once");
    assert_eq!(replies.answer("2", None).await, "欢迎");
    let released = OnceReleased { account: replies.facts.id, conversation: "1".into(), rule: RuleId(5) };
    replies.actor.send(released).await.unwrap();
    assert_eq!(replies.answer("1", None).await, "欢迎");
}

#[actix::test]
async fn new_rules_and_blocked_buyers_hold_from_the_next_turn_on() {
    let mut replies = Replies::start().await;
    assert_eq!(replies.answer("1", None).await, "在的");
    replies.rules(&[rule(2, "在", "稍等")], &[]).await;
    assert_eq!(replies.answer("1", None).await, "稍等");
    replies.rules(&[rule(2, "在", "稍等")], &["3300001"]).await;
    assert_eq!(replies.answer("1", None).await, "blocked");
    replies.actor.send(RulesLoaded(Arc::default())).await.unwrap();
    assert_eq!(replies.answer("1", None).await, "no_rule");
}

/// M6
#[actix::test]
async fn m6_a_message_that_is_too_old_goes_to_a_person() {
    let mut replies = Replies::start().await;
    replies.say("1", Some("700")).await;
    tokio::time::sleep(29 * SECOND).await;
    replies.item_known("700", Some(&replies.own_uid())).await;
    assert_eq!(replies.verdict().await, "在的");
    let broken = replies.bed.break_table("conversations");
    replies.say("2", None).await;
    tokio::time::sleep(301 * SECOND).await;
    drop(broken);
    let decided = replies.decided.next().await;
    assert_eq!((said(&decided), decided.verdict.needs_person), ("too_old".to_owned(), true));
}

/// R7
#[actix::test]
async fn r7_an_account_that_is_let_go_leaves_nothing_behind() {
    let mut replies = Replies::start().await;
    assert_eq!(replies.answer("1", None).await, "在的");
    replies.backlog.store(0, Ordering::Relaxed);
    replies.say("1", Some("700")).await;
    let broken = replies.bed.break_table("conversations");
    replies.say("2", None).await;
    assert_eq!(replies.load().await, Load { accounts: 1, pending: 2 });
    replies.actor.send(DropAccount(replies.facts.id)).await.unwrap();
    assert_eq!(replies.load().await, Load::default());
    assert_eq!(replies.backlog.load(Ordering::Relaxed), 0, "its turns do not hold the inbox");
    drop(broken);
    assert!(replies.decided.is_quiet_for(60 * SECOND).await);
    replies.say("1", None).await;
    let_run().await;
    assert!(replies.decided.now().is_none(), "nobody answers for an account that is gone");
    assert_eq!(replies.backlog.load(Ordering::Relaxed), 0);
}
