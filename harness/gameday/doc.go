// Package gameday is a run with people in it: they see to it that it may begin,
// mark when they detect, acknowledge and mitigate what breaks, can abort at any
// moment, and get a scorecard. Whatever is done and seen stands in gameday.jsonl,
// in the run's folder, before it is acted upon.
//
// Session is the state machine, Day the engine between a run and the people; what
// shows it to them is a Desk. While it goes on, other processes of the same user take
// part in it by its Control: what they say goes to the desk as if it were said there.
//
// It is the command's own and no part of the library: it can change with every version.
package gameday
