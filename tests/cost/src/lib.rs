//! The work whose instructions are counted, by `examples/instructions.rs`. It is that of
//! `benches/peers`: six fields, one of them a note of 200 bytes.

use serde::{Deserialize, Serialize};
use typed_sessions::{Result, SessionData, SessionUser, Sessions};

/// Who logs in.
#[derive(Debug, Serialize, Deserialize)]
pub struct Member {
    /// The user's id.
    pub id: u64,
    /// What the user is called.
    pub name: String,
    /// Where mail goes.
    pub email: String,
}

impl Member {
    /// Somebody.
    pub fn new(id: u64) -> Self {
        Self { id, name: format!("Member {id}"), email: format!("member.{id}@example.org") }
    }
}

impl SessionUser for Member {
    type Id = u64;

    fn id(&self) -> u64 {
        self.id
    }
}

/// What the visitor chose.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Preferences {
    /// Light or dark.
    pub theme: String,
    /// Rows of a listing.
    pub page_size: u16,
    /// Whether to send it.
    pub newsletter: bool,
}

/// What is in a session.
#[derive(Debug, SessionData)]
pub struct Shop {
    /// The user.
    #[session(user)]
    pub member: Option<Member>,
    /// Three articles.
    pub cart: Vec<String>,
    /// Of the pages.
    pub language: String,
    /// A counter.
    pub visits: u32,
    /// A nested struct.
    pub preferences: Preferences,
    /// 200 bytes.
    pub note: String,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A request that reads.
    Open,
    /// A request that reads and changes one field.
    OpenAndSave,
    /// The first request of a visitor, who then logs in.
    SaveAndLogin,
}

impl Operation {
    /// So many tasks do it so many times each, on sessions of their own.
    ///
    /// # Errors
    /// What the store answers.
    ///
    /// # Panics
    /// When a session is not as it was left.
    pub async fn repeat(self, sessions: &Sessions<Shop>, tasks: u64, times: u64) -> Result<()> {
        let tasks = (0..tasks).map(|task| {
            let sessions = sessions.clone();
            tokio::spawn(async move { self.repeat_alone(&sessions, task, times).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("no panic")?;
        }
        Ok(())
    }

    async fn repeat_alone(self, sessions: &Sessions<Shop>, task: u64, times: u64) -> Result<()> {
        let token = save_and_log_in(sessions, task << 32).await?;
        for time in 1..=times {
            match self {
                Self::Open => {
                    let session = sessions.open(&token).await?.expect("it lives");
                    assert_eq!((session.note.len(), session.cart.len()), (200, 3));
                }
                Self::OpenAndSave => {
                    let mut session = sessions.open(&token).await?.expect("it lives");
                    session.visits = session.visits.wrapping_add(1);
                    session.save().await?;
                }
                Self::SaveAndLogin => {
                    save_and_log_in(sessions, (task << 32) | time).await?;
                }
            }
        }
        Ok(())
    }
}

async fn save_and_log_in(sessions: &Sessions<Shop>, user: u64) -> Result<String> {
    let mut session = sessions.start();
    session.cart = ["tea, green, 100 g", "a pot", "two cups"].map(str::to_owned).into();
    "en-GB".clone_into(&mut session.language);
    session.visits = 7;
    session.preferences = Preferences { theme: "dark".to_owned(), page_size: 50, newsletter: true };
    session.note = "Please ring twice, the bell is old. ".repeat(6);
    session.note.truncate(200);
    session.save().await?;
    session.login(Member::new(user)).await?;
    Ok(session.token().expose())
}
