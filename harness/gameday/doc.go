// Package gameday is a run with people in it: they see to it that it may begin,
// mark when they detect, acknowledge and mitigate what breaks, can abort at any
// moment, and get a scorecard. Whatever is done and seen stands in gameday.jsonl,
// in the run's folder, before it is acted upon.
//
// Session is the state machine, Day the engine between a run and the people; what
// shows it to them (a terminal, a page) is a Desk.
package gameday
