//! From a question to an answer that may be sent.
//!
//! What the model says is untrusted: [`guard::check`] looks at every answer, one corrected try is allowed, and then the seller's fixed text or
//! a person answers. The floor is computed here and never asked of the model.

use actix_web::web::block;
use log::{debug, warn};
use rand::RngExt as _;

use super::material::Material;
use crate::{
    ai::{
        bargain::{self, Round},
        client::{AiClient, CallFailed},
        dialect::Completion,
        guard::{self, Terms, Violation},
        intent::{self, Intent, Words},
        messages::{AiAnswer, AiQuestion},
        prompt::{self, Ask, Chat, ItemFacts, Line, Tokens, Who},
        record::Unsent,
        settings::{AiSettings, Mode, Otherwise},
    },
    ids::Fen,
    notify::{event::Event, notice::Subject},
    platform::hours,
    reply::outside::AiWord,
    store::{
        Store, ai_usage,
        notices::{self, Opening},
    },
    telemetry::clock,
};

/// The longest answer that is sent, in characters: what can be read in half a millisecond.
const LONGEST: usize = 300;

/// How an answer came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thought {
    pub answer: AiAnswer,
    /// What the buyer wants; `None`: it did not come to that.
    pub intent: Option<Intent>,
    /// The lowest price that may be agreed to.
    pub floor: Option<Fen>,
    /// What the model said, and what was wrong with it.
    pub tries: Vec<Try>,
    pub used: ai_usage::Usage,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    pub text: String,
    pub violation: Option<Violation>,
}

/// What is known while an answer is sought.
struct Thinking<'a> {
    client: &'a AiClient,
    question: &'a AiQuestion,
    material: &'a Material,
    used: ai_usage::Usage,
    tries: Vec<Try>,
}

/// Answers as the settings say. What it used is written down whatever comes of it.
pub async fn think(store: &Store, client: &AiClient, question: &AiQuestion) -> Thought {
    let material = match Material::read(store, question, clock::unix()).await {
        Ok(material) => material,
        Err(error) => {
            warn!(class = "database"; "cannot read what the AI must know: {error}");
            return Thought::nothing(AiAnswer::failed("unavailable"));
        }
    };
    let settings = &question.settings;
    let (tokens, cost) = (material.used.tokens_in + material.used.tokens_out, material.used.cost);
    let used_up = settings.is_used_up(tokens, cost);
    if used_up || material.used.calls == 0 {
        tell_of_cap(store, question, used_up).await;
    }
    if used_up {
        return Thought::nothing(otherwise(settings, settings.at_cap, "cap", Intent::Default));
    }
    let mut thinking =
        Thinking { client, question, material: &material, used: ai_usage::Usage::default(), tries: Vec::new() };
    let (answer, intent, floor) = thinking.answer().await;
    let (used, tries) = (thinking.used, thinking.tries);
    if used.calls > 0 {
        let (account, day) = (question.account, hours::day_of(clock::unix()));
        if let Err(error) = store.write(move |conn| ai_usage::add(conn, account, day, &used)).await {
            warn!(class = "database", "account.id" = account.0; "cannot write down what the AI used: {error}");
        }
    }
    Thought { answer, intent: Some(intent), floor, tries, used }
}

/// The owner hears that a day's limit is reached, once, and that the AI answers again with the first call of another day.
async fn tell_of_cap(store: &Store, question: &AiQuestion, used_up: bool) {
    let (owner, account, name) = (question.owner, question.account, question.name.to_string());
    let key = format!("ai_cap:{account}");
    let told = store.write(move |conn| {
        if !used_up {
            return notices::end(conn, owner, &key, clock::unix()).map(drop);
        }
        let subject = Subject { account: Some(name), ..Subject::default() };
        let (event, severity) = (Event::AiCap, Event::AiCap.severity());
        let opening = Opening { owner, account: Some(account), buyer: None, event, severity, key, subject };
        notices::open(conn, &opening, clock::unix())
    });
    if let Err(error) = told.await {
        warn!(class = "database", "account.id" = account.0; "cannot note that the AI's limit is reached: {error}");
    }
}

impl Thought {
    fn nothing(answer: AiAnswer) -> Self {
        Self { answer, intent: None, floor: None, tries: Vec::new(), used: ai_usage::Usage::default() }
    }
}

impl Thinking<'_> {
    async fn answer(&mut self) -> (AiAnswer, Intent, Option<Fen>) {
        let (settings, said) = (&self.question.settings, self.question.said.join("\n"));
        let intent = self.intent(&said).await;
        let price = self.material.item.as_ref().and_then(|item| item.price);
        let own_floor = self.material.item.as_ref().and_then(|item| item.floor);
        let floor = price.map(|price| bargain::floor(price, own_floor, &settings.limits));
        let round = (intent == Intent::Price)
            .then(|| Round { number: self.question.rounds.saturating_add(1), of: settings.limits.rounds });
        if round.is_some_and(|round| round.number > round.of) {
            return (fixed(settings, &settings.last_word, "rounds_used", intent), intent, floor);
        }
        let answer = match self.words(intent, &said, price, floor, round).await {
            Ok(text) => fit(settings, text, intent),
            Err(Unfit::Failed(failed)) => otherwise(settings, settings.when_failing, failed.code(), intent),
            Err(Unfit::Violates(violation)) => otherwise(settings, settings.when_unfit, violation.code(), intent),
        };
        (answer, intent, floor)
    }

    /// The word lists know, or else the model may be asked.
    async fn intent(&mut self, said: &str) -> Intent {
        let settings = &self.question.settings;
        if let Some(intent) = known_intent(said, &settings.words).await {
            return intent;
        }
        if !settings.ask_intent {
            return Intent::Default;
        }
        match self.call(&intent::classify(said)).await {
            Ok(completion) => intent::read_class(&completion.text),
            Err(failed) => {
                debug!("the model was not heard about what a buyer wants: {failed}");
                Intent::Default
            }
        }
    }

    /// The model's words, if they may be sent: the first or, told what was wrong, the second.
    async fn words(
        &mut self,
        intent: Intent,
        said: &str,
        price: Option<Fen>,
        floor: Option<Fen>,
        round: Option<Round>,
    ) -> Result<String, Unfit> {
        let (material, settings) = (self.material, &self.question.settings);
        let canary = canary();
        let history = material
            .history
            .iter()
            .map(|spoken| Line { who: if spoken.by_us { Who::Us } else { Who::Buyer }, text: &spoken.text });
        let offer = round.zip(price).zip(floor).map(|((round, price), floor)| bargain::offer(price, floor, round));
        let ask = Ask {
            intent,
            template: &settings.prompts,
            item: material.item.as_ref().map(|item| ItemFacts {
                title: &item.title,
                price: item.price,
                description: &item.description,
                specs: &item.specs,
                stock: item.stock,
                notes: &item.notes,
            }),
            buyer: &self.question.buyer,
            history: &history.collect::<Vec<_>>(),
            said,
            round,
            offer,
            canary: &canary,
            budget: Tokens { history: settings.history_tokens as usize, ..Tokens::default() },
        };
        let chat = prompt::build(&ask);
        let [secret, tags, open] =
            [&chat.secret, &chat.tags, &chat.open].map(|texts| texts.iter().map(String::as_str).collect::<Vec<_>>());
        let (standing, offers) = prices_so_far(material.ours(), material.unanswered(&self.question.said), price).await;
        let terms = Terms {
            price,
            floor,
            standing,
            offers: &offers,
            title: material.item.as_ref().map_or("", |item| &item.title),
            forbidden: &settings.forbidden,
            secret: &secret,
            tags: &tags,
            open: &open,
            longest: LONGEST,
        };
        let (text, violation) = match self.attempt(&chat, &terms).await? {
            (text, None) => return Ok(text),
            (text, Some(violation)) => (text, violation),
        };
        let again = prompt::again(&chat, &text, &guard::correction(&violation, offer));
        match self.attempt(&again, &terms).await? {
            (text, None) => Ok(text),
            (_, Some(violation)) => Err(Unfit::Violates(violation)),
        }
    }

    async fn attempt(&mut self, chat: &Chat, terms: &Terms<'_>) -> Result<(String, Option<Violation>), Unfit> {
        let completion = self.call(chat).await.map_err(Unfit::Failed)?;
        let text = completion.text.trim().to_owned();
        let characters = text.chars().count();
        let violation = match characters > LONGEST {
            // Not read any further: it may be endless.
            true => Some(Violation::TooLong { characters, longest: LONGEST }),
            false => guard::check(&text, terms).err(),
        };
        self.tries.push(Try { text: text.clone(), violation: violation.clone() });
        Ok((text, violation))
    }

    async fn call(&mut self, chat: &Chat) -> Result<Completion, CallFailed> {
        let outcome = self.client.complete(self.question.account, &self.question.settings, chat).await;
        self.used.calls += 1;
        match &outcome {
            Ok(completion) => self.meter(chat, completion),
            Err(failed) => {
                debug!("the AI gave no answer: {failed}");
                self.used.failures += 1;
            }
        }
        outcome
    }

    /// What the provider does not count is estimated.
    fn meter(&mut self, chat: &Chat, completion: &Completion) {
        let estimated = || chat.messages.iter().map(|message| prompt::tokens(&message.content)).sum::<usize>();
        let of = |told: Option<u32>, estimate: usize| told.unwrap_or(u32::try_from(estimate).unwrap_or(u32::MAX));
        let tokens_in = of(completion.tokens_in, estimated());
        let tokens_out = of(completion.tokens_out, prompt::tokens(&completion.text));
        self.used.tokens_in += i64::from(tokens_in);
        self.used.tokens_out += i64::from(tokens_out);
        self.used.cost += self.question.settings.provider.cost(tokens_in, tokens_out);
    }
}

/// Why the model's words are not sent.
enum Unfit {
    Failed(CallFailed),
    Violates(Violation),
}

/// An answer that may be sent, as the mode says.
fn fit(settings: &AiSettings, text: String, intent: Intent) -> AiAnswer {
    let is_round = intent == Intent::Price;
    match settings.mode {
        Mode::Auto => AiAnswer { word: AiWord::Says { text, instead: None }, unsent: None, is_round },
        mode @ (Mode::Off | Mode::Shadow | Mode::Suggest) => {
            unsent(mode, Unsent { intent, text, waits: mode == Mode::Suggest, is_round })
        }
    }
}

/// What is not sent by itself.
fn unsent(mode: Mode, unsent: Unsent) -> AiAnswer {
    let word = match mode {
        Mode::Shadow => AiWord::Recorded,
        Mode::Suggest => AiWord::Suggested,
        Mode::Off | Mode::Auto => return AiAnswer::failed("off"),
    };
    AiAnswer { word, unsent: Some(unsent), is_round: false }
}

/// A text of the seller's takes the place of the model's.
fn fixed(settings: &AiSettings, text: &str, why: &'static str, intent: Intent) -> AiAnswer {
    match settings.mode {
        Mode::Auto => {
            let word = AiWord::Says { text: text.to_owned(), instead: Some(why) };
            AiAnswer { word, unsent: None, is_round: false }
        }
        mode @ (Mode::Off | Mode::Shadow | Mode::Suggest) => {
            let text = text.to_owned();
            unsent(mode, Unsent { intent, text, waits: mode == Mode::Suggest, is_round: false })
        }
    }
}

/// What happens where the AI has nothing that may be sent. Nobody is made to wait for what would only have been recorded.
fn otherwise(settings: &AiSettings, then: Otherwise, why: &'static str, intent: Intent) -> AiAnswer {
    match (settings.mode, then) {
        (Mode::Shadow | Mode::Off, _) | (_, Otherwise::Next) => AiAnswer::failed(why),
        (_, Otherwise::Person) => AiAnswer { word: AiWord::LeftToPerson(why), unsent: None, is_round: false },
        (_, Otherwise::Fallback) => fixed(settings, &settings.fallback, why, intent),
    }
}

/// Texts of so many bytes together are read in half a millisecond. Longer ones are not read on a shard's thread.
const SHORT: usize = 600;

/// What the word lists know.
async fn known_intent(said: &str, words: &Words) -> Option<Intent> {
    if said.len() <= SHORT {
        return intent::intent(said, words);
    }
    let (said, words) = (said.to_owned(), words.clone());
    // Fails only where the reading panicked: a word about the price that is missed must not lift a limit.
    block(move || intent::intent(&said, &words)).await.unwrap_or(Some(Intent::Price))
}

/// The prices that were named before, by us and by the buyer.
async fn prices_so_far(ours: Vec<String>, theirs: Vec<String>, price: Option<Fen>) -> (Option<Fen>, Vec<Fen>) {
    let bytes: usize = ours.iter().chain(&theirs).map(String::len).sum();
    let read = move || {
        let standing = price.and_then(|price| guard::standing(ours.iter().map(String::as_str), price));
        (standing, guard::offers(theirs.iter().map(String::as_str), price))
    };
    if bytes <= SHORT {
        return read();
    }
    // Fails only where the reading panicked; an offer that is not known of could be agreed to.
    block(read).await.unwrap_or_else(|_| (None, vec![Fen(0)]))
}

/// Words that occur nowhere else: where they come out, the prompt does.
fn canary() -> String {
    format!("{:016x}", rand::rng().random::<u64>())
}
