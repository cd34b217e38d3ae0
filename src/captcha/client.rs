//! The browser's debugging protocol: one JSON text after the other over two pipes, each ended by a NUL.
//!
//! Pipes, and not the port that is usual: a port asks nobody who they are, and everybody on the machine could drive the browser. And with
//! the pipes the browser ends when this process does, however that comes about.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use futures_util::{Stream, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
    sync::{mpsc, oneshot},
    time::timeout,
};

/// The browser answers at once, or is not well.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pictures come in one text each.
const BUFFER: usize = 256 << 10;

/// Speaks with a browser. Clones speak over the same pipes.
#[derive(Clone)]
pub struct Cdp(Rc<Shared>);

struct Shared {
    commands: mpsc::UnboundedSender<String>,
    waiting: Waiting,
}

#[derive(Default)]
struct Asked {
    last: u64,
    /// `None`: the browser is gone, nobody will be answered.
    answers: Option<HashMap<u64, oneshot::Sender<Result<Value, String>>>>,
}

type Waiting = Rc<RefCell<Asked>>;

/// Why a command was not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CdpError {
    #[error("the browser is gone")]
    Gone,
    #[error("the browser does not answer {0}")]
    Silent(&'static str),
    #[error("the browser refuses {0}: {1}")]
    Refused(&'static str, String),
}

/// What the browser says by itself.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// Of which page; `None`: of none.
    #[serde(rename = "sessionId")]
    pub session: Option<String>,
    pub method: String,
    #[serde(default)]
    pub params: Value,
}

/// An answer, or an event.
#[derive(Deserialize)]
struct Said {
    id: Option<u64>,
    #[serde(default)]
    result: Value,
    error: Option<Value>,
}

/// What the browser says by itself, until it is gone; and what must run for commands to reach it.
pub fn connect(
    mut to: ChildStdin,
    from: ChildStdout,
) -> (Cdp, impl Stream<Item = Event> + use<>, impl Future<Output = ()> + use<>) {
    let (commands, mut queue) = mpsc::unbounded_channel::<String>();
    let waiting: Waiting = Rc::new(RefCell::new(Asked { last: 0, answers: Some(HashMap::new()) }));
    let writing = async move {
        while let Some(command) = queue.recv().await {
            let mut text = command.into_bytes();
            text.push(0);
            if to.write_all(&text).await.is_err() || to.flush().await.is_err() {
                return;
            }
        }
    };
    let reading = Reading { from: BufReader::with_capacity(BUFFER, from), waiting: Rc::clone(&waiting) };
    let events = stream::unfold(reading, |mut reading| async { reading.next().await.map(|event| (event, reading)) });
    (Cdp(Rc::new(Shared { commands, waiting })), events, writing)
}

struct Reading {
    from: BufReader<ChildStdout>,
    waiting: Waiting,
}

impl Reading {
    /// The next event; answers go to who asked.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let mut text = Vec::new();
            match self.from.read_until(0, &mut text).await {
                Ok(length) if length > 0 => {}
                Ok(_) | Err(_) => return None,
            }
            text.pop();
            match serde_json::from_slice::<Said>(&text) {
                Ok(Said { id: Some(id), result, error }) => self.answer(id, result, error),
                // Whatever cannot be read is of a newer browser, and was not asked for.
                Ok(Said { id: None, .. }) | Err(_) => {
                    if let Ok(event) = serde_json::from_slice(&text) {
                        return Some(event);
                    }
                }
            }
        }
    }

    fn answer(&self, id: u64, result: Value, error: Option<Value>) {
        let asker = self.waiting.borrow_mut().answers.as_mut().and_then(|answers| answers.remove(&id));
        let Some(asker) = asker else { return };
        let answer = match error {
            Some(error) => Err(error["message"].as_str().unwrap_or("without a reason").to_owned()),
            None => Ok(result),
        };
        // Whoever asked may have given up.
        let _ = asker.send(answer);
    }
}

/// Nobody waits for a browser that is gone.
impl Drop for Reading {
    fn drop(&mut self) {
        self.waiting.borrow_mut().answers = None;
    }
}

impl Cdp {
    /// Does something and waits for what comes of it.
    pub async fn call(&self, session: Option<&str>, method: &'static str, params: Value) -> Result<Value, CdpError> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut asked = self.0.waiting.borrow_mut();
            asked.last += 1;
            let id = asked.last;
            asked.answers.as_mut().ok_or(CdpError::Gone)?.insert(id, answer);
            id
        };
        self.send(id, session, method, params)?;
        match timeout(PATIENCE, answered).await {
            Ok(Ok(answer)) => answer.map_err(|why| CdpError::Refused(method, why)),
            Ok(Err(_)) => Err(CdpError::Gone),
            Err(_) => Err(CdpError::Silent(method)),
        }
    }

    /// Does something whose outcome nobody waits for. It stays in order with everything else.
    pub fn tell(&self, session: Option<&str>, method: &'static str, params: Value) {
        let id = {
            let mut asked = self.0.waiting.borrow_mut();
            asked.last += 1;
            asked.last
        };
        // A browser that is gone is noticed by who reads from it.
        let _ = self.send(id, session, method, params);
    }

    fn send(&self, id: u64, session: Option<&str>, method: &str, params: Value) -> Result<(), CdpError> {
        let mut command = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        self.0.commands.send(command.to_string()).map_err(|_| CdpError::Gone)
    }
}
