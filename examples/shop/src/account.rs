//! A member's account, and its end.

use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;
use typed_sessions::axum::{Csrf, Fresh, SessionRejection, User};
use typed_sessions::{Clock as _, Timestamp};

use crate::Shop;
use crate::accounts::Order;
use crate::devices::ago;
use crate::page::Page;
use crate::teas::price;
use crate::visit::Visit;

pub async fn show(State(shop): State<Shop>, user: User<Visit>, page: Page) -> Markup {
    let member = user.user();
    let orders = shop.accounts.orders_of(member);
    let now = shop.clock.now();
    let main = html! {
        div.middle {
            h1 { "Hello, " (member.name) }
            section aria-labelledby="orders" {
                h2 #orders { "Your orders" }
                @if orders.is_empty() {
                    p.quiet { "None yet." }
                } @else {
                    ul.rows { @for order in orders.iter().rev() { (row(order, now)) } }
                }
            }
            section aria-labelledby="sessions" {
                h2 #sessions { "Signed in" }
                p { a href="/devices" { "See your devices" } }
                form method="post" action="/sign-out" { button { "Sign out" } }
            }
            section aria-labelledby="end" {
                h2 #end { "Delete your account" }
                p.quiet { "Your orders and all that we know of you will be gone." }
                a.button.danger href="/account/delete" { "Delete my account …" }
            }
        }
    };
    page.show(user.session(), "Your account", main)
}

fn row(order: &Order, now: Timestamp) -> Markup {
    html! {
        li.row {
            div.what {
                h3 { (order.pieces) " × 100 g, " (price(order.cents)) }
                p.quiet { "Ordered " (ago(now, order.at)) }
            }
        }
    }
}

pub async fn ask_to_delete(
    user: Fresh<Visit>,
    page: Page,
    mut csrf: Csrf,
) -> Result<Markup, SessionRejection> {
    let token = csrf.token().await?;
    let main = html! {
        div.narrow {
            h1 { "Delete your account?" }
            p.lead { "You will be signed out on all devices. Nobody can bring it back." }
            form.stack method="post" {
                input type="hidden" name="csrf" value=(token);
                button.danger { "Delete it for good" }
                a.button href="/account" { "Keep it" }
            }
        }
    };
    Ok(page.show(user.session(), "Delete your account", main))
}

#[derive(Deserialize)]
pub struct Sent {
    csrf: String,
}

pub async fn delete(
    State(shop): State<Shop>,
    user: Fresh<Visit>,
    mut page: Page,
    csrf: Csrf,
    Form(sent): Form<Sent>,
) -> Result<Redirect, SessionRejection> {
    csrf.verify(&sent.csrf)?;
    let member = user.user().clone();
    // First the account, then its sessions. Whoever is just signing in looks again afterwards.
    shop.accounts.delete(&member);
    shop.sessions.user(&member.id).revoke_except(user.session().id()).await?;
    user.into_session().logout().await?;
    page.flash.success("Your account is deleted. Good bye.");
    Ok(Redirect::to("/"))
}
