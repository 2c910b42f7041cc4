//! One server, in memory: what browsers meet.

use typed_sessions_test_servers::eventually;

use crate::browser::Browser;
use crate::chat::Chat;

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_are_refused() {
    let chat = Chat::start(&[]);
    let mut ada = Browser::signed_in(&chat, "Ada").await;
    for foreign in ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil"] {
        assert_eq!(ada.refused(&chat, Some(foreign)).await, 403, "{foreign}");
        let answer = ada.post_from(foreign, &chat, "/sign-out-everywhere", &[]).await;
        assert_eq!(answer.status, 403, "{foreign}");
    }
    assert_eq!(ada.refused(&chat, None).await, 403);
    assert_eq!(Browser::default().refused(&chat, Some(chat.origin())).await, 401);
    drop(ada.socket(&chat).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_is_for_this_host_alone() {
    let chat = Chat::start(&[]);
    let mut ada = Browser::default();
    let cookie = ada.post(&chat, "/sign-in", &[("name", "Ada")]).await.set_cookie;
    let cookie = cookie.expect("a cookie");
    assert!(cookie.starts_with("chat="), "{cookie}");
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Path=/"), "{cookie}");

    let origin = "https://chat.example.org";
    let chat = Chat::start(&["--origin", origin]);
    let mut ada = Browser::default();
    assert_eq!(ada.post(&chat, "/sign-in", &[("name", "Ada")]).await.status, 403);
    let cookie = ada.post_from(origin, &chat, "/sign-in", &[("name", "Ada")]).await.set_cookie;
    let cookie = cookie.expect("a cookie");
    assert!(cookie.starts_with("__Host-chat="), "{cookie}");
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{cookie}");
    assert_eq!(ada.refused(&chat, Some(chat.origin())).await, 403);
    assert_eq!(ada.get(&chat, "/connections").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn l2_sockets_close_with_their_session() {
    let chat = Chat::start(&[]);
    let (mut here, mut there) =
        (Browser::signed_in(&chat, "Ada").await, Browser::signed_in(&chat, "Ada").await);
    let mut bob = Browser::signed_in(&chat, "Bob").await;
    let (mut tab, mut other_tab) = (here.socket(&chat).await, here.socket(&chat).await);
    let mut elsewhere = there.socket(&chat).await;
    let listed = here.connections(&chat).await;
    // In no order that is certain: they came within a millisecond.
    let (at_hand, away): (Vec<_>, Vec<_>) =
        listed.iter().partition(|listed| listed["is_here"] == true);
    assert_eq!((at_hand.len(), away.len()), (2, 1));

    // Only her own: the id is not secret.
    let session = away[0]["session"].as_str().expect("an id").to_owned();
    bob.post(&chat, "/sign-out-there", &[("session", &session)]).await;
    tab.say("Ada", "still here").await;
    assert_eq!(elsewhere.hears("still here").await, "Ada");
    here.post(&chat, "/sign-out-there", &[("session", &session)]).await;
    assert_eq!(elsewhere.closed().await, (1008, "the session has ended".into()));
    assert_eq!(there.post(&chat, "/sign-out-everywhere", &[]).await.status, 401);

    // Another name on the same session, in another tab.
    other_tab.say("", "before").await;
    assert_eq!(tab.hears("before").await, "Ada");
    here.sign_in(&chat, "Eve").await;
    assert_eq!(tab.closed().await, (1008, "somebody logged in".into()));
    assert_eq!(other_tab.closed().await.0, 1008);
    let mut eve = here.socket(&chat).await;
    here.post(&chat, "/sign-out", &[]).await;
    assert_eq!(eve.closed().await, (1008, "the session has ended".into()));
    assert_eq!(here.get(&chat, "/connections").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_sends_clients_away_and_ends() {
    let chat = Chat::start(&[]);
    let ada = Browser::signed_in(&chat, "Ada").await;
    let mut socket = ada.socket(&chat).await;
    chat.terminate();
    assert_eq!(socket.closed().await, (1001, "the server closes its connections".into()));
    drop(socket);
    eventually("the chat has ended", || chat.has_ended());
}
