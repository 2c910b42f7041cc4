//! Signing in and out, and the proof that is asked for again before something that matters.

use axum::Form;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use typed_sessions::axum::{Device, Next, Session, SessionRejection, User};
use typed_sessions::{Login, days};

use crate::Shop;
use crate::accounts::{DEMO_NAMES, DEMO_PASSWORD};
use crate::page::Page;
use crate::visit::Visit;

pub async fn show(visit: Session<Visit>, page: Page, next: Next, uri: Uri) -> Response {
    if visit.is_logged_in() {
        return Redirect::to(&next.or("/")).into_response();
    }
    // Where a live page goes when its session has ended.
    let has_ended = uri.query() == Some("ended");
    page.show(&visit, "Sign in", form("", has_ended, false)).into_response()
}

#[derive(Deserialize)]
pub struct SignIn {
    name: String,
    password: String,
    /// Boxes that are not ticked are not sent.
    remember: Option<String>,
}

pub async fn sign_in(
    State(shop): State<Shop>,
    mut visit: Session<Visit>,
    mut page: Page,
    Device(device): Device,
    next: Next,
    Form(sent): Form<SignIn>,
) -> Result<Response, SessionRejection> {
    let Some(member) = shop.accounts.check(&sent.name, sent.password).await else {
        let page = page.show(&visit, "Sign in", form(&sent.name, false, true));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let login = Login::new().device(device);
    let login = if sent.remember.is_some() { login.remember(days(30)) } else { login };
    visit.login_with(member.clone(), login).await?;
    if !shop.accounts.has(&member) {
        // Deleted on another device while the password was checked.
        visit.logout().await?;
        return Ok(Redirect::to("/sign-in").into_response());
    }
    page.flash.success(format!("Welcome, {}.", member.name));
    shop.tell_devices(&member).await;
    Ok(Redirect::to(&next.or("/")).into_response())
}

/// Without an `action`, so that `?next=` comes along.
fn form(name: &str, has_ended: bool, is_wrong: bool) -> Markup {
    html! {
        div.narrow {
            h1 { "Sign in" }
            @if has_ended { p.message.info { "This device was signed out." } }
            form.stack method="post" {
                @if is_wrong {
                    p.message.error #wrong role="alert" { "The name or the password is wrong." }
                }
                label for="name" { "Name" }
                input #name name="name" value=(name) autocomplete="username" required
                    autocapitalize="none" aria-describedby=[is_wrong.then_some("wrong")];
                label for="password" { "Password" }
                input #password name="password" type="password" required
                    autocomplete="current-password" aria-describedby="demo";
                p.quiet #demo {
                    "A demo: the names are "
                    @for (at, name) in DEMO_NAMES.iter().enumerate() {
                        @if at > 0 { " and " } b { (name) }
                    }
                    ", their password is " b { (DEMO_PASSWORD) } "."
                }
                label.check { input type="checkbox" name="remember"; "Remember me for 30 days" }
                button.primary { "Sign in" }
            }
        }
    }
}

/// The cart goes, since it is `until_logout`; the theme stays.
pub async fn sign_out(
    State(shop): State<Shop>,
    user: User<Visit>,
    mut page: Page,
) -> Result<Redirect, SessionRejection> {
    let member = user.user().clone();
    user.into_session().logout().await?;
    page.flash.success("You are signed out.");
    shop.tell_devices(&member).await;
    Ok(Redirect::to("/"))
}

pub async fn ask_to_confirm(user: User<Visit>, page: Page) -> Markup {
    let main = confirmation(&user.user().name, false);
    page.show(user.session(), "Confirm that it is you", main)
}

#[derive(Deserialize)]
pub struct Proof {
    password: String,
}

pub async fn confirm(
    State(shop): State<Shop>,
    mut user: User<Visit>,
    page: Page,
    next: Next,
    Form(sent): Form<Proof>,
) -> Result<Response, SessionRejection> {
    let name = &user.user().name;
    if shop.accounts.check(name, sent.password).await.is_none() {
        let main = confirmation(name, true);
        let page = page.show(user.session(), "Confirm that it is you", main);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    }
    user.session_mut().reauthenticate().await?;
    Ok(Redirect::to(&next.or("/account")).into_response())
}

fn confirmation(name: &str, is_wrong: bool) -> Markup {
    html! {
        div.narrow {
            h1 { "Is it you, " (name) "?" }
            p.lead { "What comes next cannot be taken back, so please say your password again." }
            form.stack method="post" {
                @if is_wrong {
                    p.message.error #wrong role="alert" { "The password is wrong." }
                }
                label for="password" { "Password" }
                input #password name="password" type="password" required
                    autocomplete="current-password"
                    aria-describedby=[is_wrong.then_some("wrong")];
                button.primary { "Go on" }
            }
        }
    }
}
