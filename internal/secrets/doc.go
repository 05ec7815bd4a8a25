// Package secrets reads files that sops encrypted to age recipients.
//
// A file is decrypted by the sops program, in memory, at the moment its values
// are needed. sops gets an environment of its own: the identity file it may use
// and nothing else, so neither a key in the caller's environment nor one in a
// home directory decides what can be read.
//
// It must never print, log or return a value in an error: names only. Errors
// come before any side effect.
package secrets
