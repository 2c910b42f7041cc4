//! Members, their passwords and orders. A shop of your own has them in a database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::task::spawn_blocking;
use typed_sessions::Timestamp;

use crate::visit::Member;

/// This is a demo: it says so on the page that asks for it.
pub const DEMO_PASSWORD: &str = "tea time";
pub const DEMO_NAMES: [&str; 2] = ["ada", "grace"];

#[derive(Clone)]
pub struct Order {
    pub at: Timestamp,
    pub pieces: u32,
    pub cents: u32,
}

struct Account {
    member: Member,
    password_hash: Arc<str>,
    orders: Vec<Order>,
}

pub struct Accounts {
    /// By name in lower case.
    all: Mutex<HashMap<String, Account>>,
    /// For names that nobody has, so that it takes as long to say so.
    nobodys_hash: Arc<str>,
}

impl Accounts {
    pub fn with_demo_members() -> Self {
        let account = |(id, name): (u64, &str)| {
            let shown = name[..1].to_uppercase() + &name[1..];
            let member = Member { id, name: shown };
            let account =
                Account { member, password_hash: hash(DEMO_PASSWORD), orders: Vec::new() };
            (name.to_owned(), account)
        };
        let all = (1..).zip(DEMO_NAMES).map(account).collect();
        Self { all: Mutex::new(all), nobodys_hash: hash("nobody's") }
    }

    /// Who has this name and password.
    pub async fn check(&self, name: &str, password: String) -> Option<Member> {
        let (member, hash) = match self.all().get(&name.trim().to_lowercase()) {
            Some(account) => (Some(account.member.clone()), Arc::clone(&account.password_hash)),
            None => (None, Arc::clone(&self.nobodys_hash)),
        };
        // It is slow on purpose, so it has a thread of its own.
        let is_right = spawn_blocking(move || verifies(&password, &hash)).await.unwrap_or(false);
        member.filter(|_| is_right)
    }

    pub fn orders_of(&self, member: &Member) -> Vec<Order> {
        let all = self.all();
        let account = all.values().find(|account| account.member.id == member.id);
        account.map_or_else(Vec::new, |account| account.orders.clone())
    }

    pub fn place(&self, member: &Member, order: Order) {
        let mut all = self.all();
        if let Some(account) = all.values_mut().find(|account| account.member.id == member.id) {
            account.orders.push(order);
        }
    }

    /// Whether the account is there, and not deleted.
    pub fn has(&self, member: &Member) -> bool {
        self.all().values().any(|account| account.member.id == member.id)
    }

    pub fn delete(&self, member: &Member) {
        self.all().retain(|_, account| account.member.id != member.id);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(password: &str) -> Arc<str> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("the system has a random generator").to_string().into()
}

fn verifies(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}
