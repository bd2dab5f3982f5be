//! Tests of the guards, with time as an argument.

use offloop_protocol::{Event, MessageKind};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HEARTBEAT: Heartbeat = Heartbeat { interval: Duration::from_secs(30), timeout: SECOND };

fn guards(watch: Watch, now: Instant) -> Guards {
    Guards::new(Arc::new(Profile::new(watch, 1)), *b"mark", now)
}

fn beating(now: Instant) -> Guards {
    guards(Watch { heartbeat: Some(HEARTBEAT), ..Watch::default() }, now)
}

fn at(now: Instant) -> Standing {
    Standing { now, held: false, written: 0, blocked: false }
}

/// Has the guards do what is due, and returns the ping that they send.
fn ping(guards: &mut Guards, standing: Standing) -> PingPayload {
    match guards.handle_due(standing) {
        Due::Ping(payload) => payload,
        due => panic!("{due:?}"),
    }
}

fn pong(guards: &mut Guards, payload: &[u8], now: Instant) -> bool {
    guards.begin_input(payload.len() + 6, now);
    guards.admits(&Event::Pong { payload })
}

#[test]
fn a_ping_goes_out_after_the_interval_and_its_pong_gives_the_latency() {
    let start = Instant::now();
    let mut guards = beating(start);
    assert_eq!(guards.due(), Some(start + HEARTBEAT.interval));
    assert_eq!(guards.handle_due(at(start + SECOND)), Due::Nothing);
    let sent = start + HEARTBEAT.interval;
    let payload = ping(&mut guards, at(sent));
    assert!(!pong(&mut guards, &payload, sent + SECOND / 4), "it is not told");
    assert_eq!(guards.take_latency(), Some(SECOND / 4));
    assert_eq!(guards.take_latency(), None);
    assert_eq!(guards.handle_due(at(sent + SECOND)), Due::Nothing);
    assert_eq!(guards.due(), Some(sent + HEARTBEAT.interval));
}

#[test]
fn a_peer_that_answers_nothing_is_dead_and_one_that_says_anything_is_not() {
    let start = Instant::now();
    for talks in [false, true] {
        let mut guards = beating(start);
        let sent = start + HEARTBEAT.interval;
        ping(&mut guards, at(sent));
        if talks {
            guards.begin_input(9, sent + SECOND / 2);
        }
        let due = guards.handle_due(at(sent + SECOND));
        assert_eq!(due, if talks { Due::Nothing } else { Due::Dead });
    }
}

#[test]
fn pongs_that_answer_no_ping_of_ours_are_told() {
    let start = Instant::now();
    let mut guards = beating(start);
    assert!(pong(&mut guards, b"mark\0\0\0\x01", start), "before the first ping");
    let payload = ping(&mut guards, at(start + HEARTBEAT.interval));
    let mut other = payload;
    other[0] ^= 1;
    for told in [&b""[..], b"mark", &other, &[&payload[..], b"x"].concat()] {
        assert!(pong(&mut guards, told, start), "{told:?}");
    }
    assert_eq!(guards.take_latency(), None);
}

#[test]
fn a_peer_that_takes_slowly_what_a_ping_stands_behind_is_not_dead() {
    let start = Instant::now();
    let mut guards = beating(start);
    let mut now = start + HEARTBEAT.interval;
    let mut standing = Standing { now, held: false, written: 0, blocked: true };
    ping(&mut guards, standing);
    for _ in 0..3 {
        now += SECOND;
        standing = Standing { now, written: standing.written + 1, ..standing };
        assert_eq!(guards.handle_due(standing), Due::Nothing);
    }
    standing.now += SECOND;
    assert_eq!(guards.handle_due(standing), Due::Dead);
}

#[test]
fn nothing_runs_out_while_a_connection_is_not_read_for_reasons_of_ours() {
    let start = Instant::now();
    let watch = Watch {
        heartbeat: Some(HEARTBEAT),
        idle_timeout: Some(40 * SECOND),
        message_timeout: Some(5 * SECOND),
        rate: None,
    };
    let mut guards = guards(watch, start);
    guards.end_input(true, false, start);
    let sent = start + HEARTBEAT.interval;
    ping(&mut guards, Standing { held: true, ..at(sent) });
    let held = sent + 100 * SECOND;
    assert_eq!(guards.handle_due(Standing { held: true, ..at(held) }), Due::Nothing);
    assert_eq!(guards.handle_due(at(held + SECOND / 2)), Due::Nothing);
    assert_eq!(guards.handle_due(at(held + SECOND)), Due::Dead);
    assert_eq!(guards.handle_due(at(held + 5 * SECOND)), Due::Limit(Limit::MessageTimeout));
    assert_eq!(guards.handle_due(at(held + 500 * SECOND)), Due::Nothing, "told once");
}

#[test]
fn past_a_rate_nothing_is_admitted_any_more() {
    let start = Instant::now();
    let rate = Rate { messages: 2.0, bytes: 0.0, interval: SECOND, burst: 1.0, pauses: false };
    let mut guards = guards(Watch { rate: Some(rate), ..Watch::default() }, start);
    guards.begin_input(100, start);
    let message =
        || Event::Message { kind: MessageKind::Text, payload: b"x"[..].into(), ascii: true };
    let admitted = [(); 4].map(|()| guards.admits(&message()));
    assert_eq!(admitted, [true, true, false, false]);
    assert_eq!(guards.take_limit(), Some(Limit::MessageRate));
    assert_eq!(guards.take_limit(), None);
    assert!(guards.is_limited());
}
