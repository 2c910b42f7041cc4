//! Where somebody is signed in, and how to change that.

use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;
use typed_sessions::axum::{Csrf, SessionRejection, User};
use typed_sessions::{Clock as _, Result, SessionId, SessionInfo, Timestamp};

use crate::Shop;
use crate::page::Page;
use crate::visit::{Member, Visit};

pub async fn show(
    State(shop): State<Shop>,
    user: User<Visit>,
    page: Page,
    mut csrf: Csrf,
) -> Result<Markup, SessionRejection> {
    let token = csrf.token().await?;
    let list = list(&shop, user.user(), user.session().id(), &token).await?;
    let main = html! {
        div.middle {
            h1 { "Your devices" }
            p.lead { "This is where you are signed in. Is one of them not yours? Sign it out." }
            div #devices aria-live="polite" { (list) }
            form method="post" action="/devices/sign-out-everywhere" {
                input type="hidden" name="csrf" value=(token);
                button.danger { "Sign out everywhere" }
            }
        }
    };
    Ok(page.show(user.session(), "Your devices", main))
}

/// A member's devices, as seen from one of them.
pub async fn list(shop: &Shop, member: &Member, here: SessionId, csrf: &str) -> Result<Markup> {
    let devices = shop.sessions.user(&member.id).seen_from(here).list().await?;
    let now = shop.clock.now();
    Ok(html! {
        ul.rows { @for info in &devices { (row(info, now, csrf)) } }
    })
}

fn row(info: &SessionInfo, now: Timestamp, csrf: &str) -> Markup {
    let device = info.device();
    let name = device.map_or("Unknown device", |device| &device.label);
    html! {
        li.row {
            div.thumb { (picture(name)) }
            div.what {
                h2 {
                    (name)
                    @if info.is_current() { " " span.badge { "this device" } }
                }
                p.quiet {
                    "Last seen " (ago(now, info.last_seen()))
                    @if let Some(ip) = device.and_then(|device| device.ip) { " from " (ip) }
                }
            }
            @if !info.is_current() {
                form method="post" action="/devices/sign-out" {
                    input type="hidden" name="csrf" value=(csrf);
                    input type="hidden" name="session" value=(info.id());
                    button id={ "out-" (info.id()) } { "Sign out" span.hidden { " " (name) } }
                }
            }
        }
    }
}

/// For the eye alone.
fn picture(name: &str) -> Markup {
    let is_small = ["Android", "iPhone", "iPad"].iter().any(|system| name.ends_with(system));
    let outline = if is_small {
        "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM11 18h2"
    } else {
        "M6 5h12a1 1 0 0 1 1 1v9H5V6a1 1 0 0 1 1-1zM2.500 18.500h19"
    };
    html! {
        svg.device viewBox="0 0 24 24" width="48" height="48" aria-hidden="true" fill="none"
            stroke="currentColor" stroke-width="1.5" stroke-linecap="round" {
            path d=(outline) {}
        }
    }
}

/// For people: "5 minutes ago".
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    let minutes = now.since(then).as_secs() / 60;
    let (number, unit) = match minutes {
        0..2 => return "just now".to_owned(),
        2..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

#[derive(Deserialize)]
pub struct SignOutOne {
    csrf: String,
    session: SessionId,
}

pub async fn sign_out_one(
    State(shop): State<Shop>,
    user: User<Visit>,
    mut page: Page,
    csrf: Csrf,
    Form(sent): Form<SignOutOne>,
) -> Result<Redirect, SessionRejection> {
    csrf.verify(&sent.csrf)?;
    // The id comes from a browser: it ends only if it is this member's.
    if shop.sessions.user(&user.user().id).revoke(sent.session).await? {
        page.flash.success("That device is signed out.");
        shop.tell_devices(user.user()).await;
    } else {
        page.flash.info("That device was signed out already.");
    }
    Ok(Redirect::to("/devices"))
}

#[derive(Deserialize)]
pub struct SignOutEverywhere {
    csrf: String,
}

pub async fn sign_out_everywhere(
    State(shop): State<Shop>,
    user: User<Visit>,
    mut page: Page,
    csrf: Csrf,
    Form(sent): Form<SignOutEverywhere>,
) -> Result<Redirect, SessionRejection> {
    csrf.verify(&sent.csrf)?;
    // The others end; this one goes on without its member, and can still say what was done.
    shop.sessions.user(&user.user().id).revoke_except(user.session().id()).await?;
    user.into_session().logout().await?;
    page.flash.success("You are signed out on all devices.");
    Ok(Redirect::to("/"))
}
