// Package deploy pulls new versions of materia: it fetches tags, verifies them,
// builds and tests a release beside the running one and switches to it.
//
// Below a root, which no other program writes:
//
//	repo/                   bare clone; tags stand in refs/deploy/tags, apart from git's own
//	releases/<n>-<commit>/  one whole release each: the tree, bin/materia, .release.json, web.env
//	current                 symbolic link to the release that runs
//	trial                   names a release that was switched to and is not healthy yet
//	rolled-back             what start-materia took back, for the next supervisor to tell
//	state.json              tags seen, commits never to be tried again, the pin
//
// Going back does not depend on the new binary: infra/supervisor/start-materia
// is a shell script that counts the starts of a trial and points current back
// when no healthy mark appears in time.
//
// It must never run anything of a tag that did not pass verification, never
// change what runs before the new release stands whole, and never try a commit
// twice by itself.
package deploy
