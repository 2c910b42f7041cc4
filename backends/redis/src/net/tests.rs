//! Answers read as the driver reads them, and what is known of a command whose connection ends.

use std::time::Duration;

use proptest::prelude::*;
use redis::{Cmd, Value, cmd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::answer::Answer;
use super::pipe::{Failure, Pipe};
use super::resp::{Arrived, Measure, read, texts};
use super::stream::Stream;

fn measure(bytes: &[u8]) -> std::io::Result<Arrived> {
    Measure::default().go_on(bytes)
}

/// An answer as Redis writes it.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let line = "[ -~]{0,20}";
    let leaf = prop_oneof![
        Just(b"+OK\r\n".to_vec()),
        Just(b"$-1\r\n".to_vec()),
        Just(b"*-1\r\n".to_vec()),
        Just(b"*0\r\n".to_vec()),
        line.prop_map(|text| format!("+{text}\r\n").into_bytes()),
        line.prop_map(|text| format!("-ERR {text}\r\n").into_bytes()),
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|text| {
            [format!("${}\r\n", text.len()).as_bytes(), &text[..], b"\r\n"].concat()
        }),
    ];
    leaf.prop_recursive(3, 32, 6, |inner| {
        prop::collection::vec(inner, 0..6).prop_map(|elements| {
            [format!("*{}\r\n", elements.len()).into_bytes(), elements.concat()].concat()
        })
    })
}

proptest! {
    #[test]
    fn f3_answers_are_read_as_the_driver_reads_them(answer in answers(), rest in any::<[u8; 3]>()) {
        let bytes = [&answer[..], &rest].concat();
        prop_assert_eq!(measure(&bytes).expect("reads"), Arrived::Whole(answer.len()));
        let expected = redis::parse_redis_value(&answer).expect("the driver reads it");
        prop_assert_eq!(read(&answer).expect("reads"), expected);
        // Before its end it is not complete, and is never promised to be longer than it is.
        for end in 0..answer.len() {
            let Arrived::Partly(wanted) = measure(&answer[..end]).expect("reads") else {
                panic!("complete after {end} of {} bytes", answer.len());
            };
            prop_assert!(wanted > end && wanted <= answer.len());
        }
        // However it arrives.
        let mut bit_by_bit = Measure::default();
        for end in 1..answer.len() {
            prop_assert!(matches!(bit_by_bit.go_on(&answer[..end]), Ok(Arrived::Partly(_))));
        }
        prop_assert_eq!(bit_by_bit.go_on(&answer).expect("reads"), Arrived::Whole(answer.len()));
    }

    #[test]
    fn f3_no_answer_makes_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(Arrived::Whole(length)) = measure(&bytes) {
            prop_assert!(length <= bytes.len());
            let _ = (read(&bytes[..length]), texts(&bytes[..length]));
        }
    }

    #[test]
    fn lists_of_texts_are_read_without_copies(
        list in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
    ) {
        let mut answer = format!("*{}\r\n", list.len()).into_bytes();
        for text in &list {
            answer.extend([format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat());
        }
        let read = texts(&answer).expect("reads");
        let expected: Vec<_> = list.iter().map(|text| str::from_utf8(text)).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn f3_damaged_answers_make_no_panic(
        mut answer in answers(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let at = at.index(answer.len());
        answer[at] = byte;
        if let Ok(Arrived::Whole(length)) = measure(&answer) {
            let _ = (read(&answer[..length]), texts(&answer[..length]));
        }
    }
}

#[test]
fn f3_answers_of_impossible_size_are_refused() {
    for bytes in [
        &b"*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n*2\r\n"[..],
        b"*-2\r\n",
        b"$-7\r\n",
        b"$99999999999999999999\r\n",
        b":+1\r\n",
        b"$9223372036854775807\r\n",
        b"$3\r\nabcde",
        b"%1\r\n",
        b"\r\n",
        b"+a\rb\r\n",
    ] {
        let is_refused = match measure(bytes) {
            Ok(Arrived::Whole(length)) => read(&bytes[..length]).is_err(),
            Ok(Arrived::Partly(_)) => false,
            Err(_) => true,
        };
        assert!(is_refused, "{}", String::from_utf8_lossy(bytes));
    }
    // A claim costs nothing until it has come true.
    assert_eq!(measure(b"*1000000000\r\n").expect("it may be so"), Arrived::Partly(14));
}

/// A connection, and its other end.
async fn connected() -> (Pipe, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    (Pipe::over(Stream::Tcp(client.expect("connects"))), server.expect("accepts").0)
}

fn value(answer: Result<Answer, Failure>) -> Value {
    answer.expect("answered").into_value().expect("reads")
}

fn ping() -> Cmd {
    cmd("PING")
}

async fn hear(server: &mut TcpStream, expected: &[u8]) {
    let mut heard = vec![0; expected.len()];
    server.read_exact(&mut heard).await.expect("is there");
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_commands() {
    let (pipe, mut server) = connected().await;
    let all = async {
        let (one, two, three) = (cmd("ONE"), cmd("TWO"), cmd("THREE"));
        tokio::join!(pipe.send(&one), pipe.send_after(&two, &three), pipe.send(&one))
    };
    let serve = async {
        hear(&mut server, b"*1\r\n$3\r\nONE\r\n*1\r\n$3\r\nTWO\r\n*1\r\n$5\r\nTHREE\r\n").await;
        // In pieces, as a network may deliver them.
        for piece in [&b":"[..], b"1\r", b"\n+OK\r\n$2\r", b"\nab\r\n", b"-ERR no\r\n"] {
            server.write_all(piece).await.expect("is there");
            tokio::task::yield_now().await;
        }
    };
    let ((one, three, refused), ()) = tokio::join!(all, serve);
    assert_eq!(value(one), Value::Int(1));
    assert_eq!(value(three), Value::BulkString(b"ab".to_vec()));
    assert!(matches!(refused, Err(Failure::Sent(error)) if error.code() == Some("ERR")));
}

#[tokio::test]
async fn f4_the_end_of_a_connection_is_seen_before_the_command_is_sent() {
    // The runtime has no time to hear of it: only asking the system tells.
    for farewell in [&b""[..], b"-ERR idle for too long\r\n"] {
        let (pipe, mut server) = connected().await;
        server.write_all(farewell).await.expect("is there");
        let server = server.into_std().expect("a socket");
        server.shutdown(std::net::Shutdown::Both).expect("closes");
        let failure = pipe.send(&ping()).await.expect_err("nobody is there");
        assert!(matches!(failure, Failure::NotSent(_)), "{failure:?}");
        assert!(pipe.has_ended());
        assert!(matches!(pipe.send(&ping()).await, Err(Failure::NotSent(_))));
    }
}

#[tokio::test]
async fn f4_what_has_left_may_have_been_carried_out() {
    let (pipe, mut server) = connected().await;
    let serve = async {
        hear(&mut server, b"*1\r\n$4\r\nPING\r\n").await;
        drop(server);
    };
    let command = ping();
    let (answer, ()) = tokio::join!(pipe.send(&command), serve);
    assert!(matches!(answer, Err(Failure::Sent(_))), "{answer:?}");
}

#[tokio::test]
async fn f4_half_a_command_is_not_carried_out() {
    let (pipe, mut server) = connected().await;
    // More than the system keeps for a peer that does not read.
    let mut large = cmd("SET");
    large.arg(vec![b'x'; 64 << 20]);
    let serve = async {
        hear(&mut server, b"*2\r\n$3\r\nSET\r\n").await;
        drop(server);
    };
    let (answer, ()) = tokio::join!(pipe.send(&large), serve);
    assert!(matches!(answer, Err(Failure::NotSent(_))), "the last byte never left");
}

/// A node that takes a slot over reads `ASKING` and answers it, long before it has a large command.
#[tokio::test]
async fn the_first_of_two_commands_may_be_answered_before_the_second_has_left() {
    let (pipe, mut server) = connected().await;
    let (asking, mut large) = (cmd("ASKING"), cmd("SET"));
    large.arg(vec![b'x'; 64 << 20]);
    let serve = async {
        hear(&mut server, b"*1\r\n$6\r\nASKING\r\n*2\r\n$3\r\nSET\r\n").await;
        server.write_all(b"+OK\r\n").await.expect("is there");
        let mut rest = vec![0; (64 << 20) + "$67108864\r\n\r\n".len()];
        server.read_exact(&mut rest).await.expect("all of it comes");
        server.write_all(b":7\r\n").await.expect("is there");
    };
    let (answer, ()) = tokio::join!(pipe.send_after(&asking, &large), serve);
    assert_eq!(value(answer), Value::Int(7));
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_is_not_sent() {
    let (pipe, mut server) = connected().await;
    let (given_up, command) = (cmd("NEVER"), ping());
    {
        let mut sending = std::pin::pin!(pipe.send(&given_up));
        assert!(futures::poll!(&mut sending).is_pending());
    }
    let serve = async {
        hear(&mut server, b"*1\r\n$4\r\nPING\r\n").await;
        server.write_all(b"+PONG\r\n").await.expect("is there");
    };
    let (answer, ()) = tokio::join!(pipe.send(&command), serve);
    assert_eq!(value(answer), Value::SimpleString("PONG".to_owned()));
}

#[tokio::test]
async fn f4_an_idle_connection_shows_a_sign_of_life_before_it_is_used() {
    let (pipe, mut server) = connected().await;
    let patience = Duration::from_millis(50);
    pipe.shows_life(patience).await.expect("it is new");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    // Whoever comes first asks, for all.
    let serve = async {
        hear(&mut server, b"*1\r\n$4\r\nPING\r\n").await;
        server.write_all(b"+PONG\r\n").await.expect("is there");
    };
    let (one, two, ()) =
        tokio::join!(pipe.shows_life(patience * 100), pipe.shows_life(patience * 100), serve);
    assert!(one.is_ok() && two.is_ok());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    pipe.shows_life(patience).await.expect_err("nobody answers");
}

#[tokio::test]
async fn who_speaks_unasked_is_not_listened_to() {
    let (pipe, mut server) = connected().await;
    server.write_all(b"+HELLO\r\n").await.expect("is there");
    let failure = pipe.send(&ping()).await.expect_err("it is no Redis");
    assert!(matches!(failure, Failure::NotSent(_)), "{failure:?}");
}

#[test]
fn f5_the_end_of_a_runtime_answers_those_who_wait() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let first = runtime().expect("a runtime");
    let (pipe, _server) = first.block_on(connected());
    let second = runtime().expect("a runtime");
    let waits = std::thread::spawn(move || {
        second.block_on(async {
            tokio::time::timeout(Duration::from_secs(20), pipe.send(&ping())).await
        })
    });
    // The command is in the queue or not; the answer is the same.
    first.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
    drop(first);
    let answer = waits.join().expect("no panic").expect("is told");
    answer.expect_err("the connection is gone");
}
