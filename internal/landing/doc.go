// Package landing keeps the landing zone: immutable files as upstream sent
// them, named by content and date, with a manifest line for each.
//
// A file becomes visible in one step, by link(2) from a synced and re-read
// temporary, so a reader sees a whole file or none. Before that step a journal
// line says what is about to land; after the run the journal becomes that run's
// manifest. Whatever moment a process dies at, Recover brings the zone to what
// an undisturbed run would have left. durable.go holds every operation that changes
// the disk, with what a crash there leaves behind; only the lock file's text,
// which means nothing once its holder is gone, is written elsewhere.
//
// Layout under the root:
//
//	{source folders}/...            landed files, mode 0444, never rewritten
//	.manifest/{year}/{run}.jsonl    one line a file, written once
//	.manifest/.open/{run}.journal   runs that are still writing, or died so
//	.manifest/.origin               live, sample or replay
//	.tmp/{source}/                  drafts; swept by Recover
//	.lock/{source}                  flock; its text names the holder
//	.quarantine/                    refused content and why
//	.decisions/{source}/{id}.json   what an operator decided, written once
//	.aside/{source folders}/...     landed files that a decision took from the readers
//
// It must never overwrite or delete a landed file, never use a name that came
// from upstream without checking it, and never import another package of ours:
// the files outlive every other package's ideas.
package landing
