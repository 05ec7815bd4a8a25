package extract

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"beanflows.coffee/materia/internal/landing"
)

// Judge decides on an answer by what its contract found: nil where it may land,
// with a warning for each finding that does not refuse it or that a person
// accepted; else a refusal that shows every difference. A kind that cannot be read
// at all is no matter of contracts: that is Refuse's.
func (r *Response) Judge(findings ...Finding) error {
	s := r.session
	var refused []error
	var warnings []string
	for _, f := range findings {
		if !f.Refuse {
			warnings = append(warnings, fmt.Sprintf("%s: %s", r.URL, f))
			continue
		}
		d, ok, err := s.overruled(r, f)
		if err != nil {
			return &stopError{r.error(err)}
		}
		if ok {
			warnings = append(warnings, fmt.Sprintf("%s: %s (let in by %s on %s: %s)", r.URL, f, d.By, d.At.Format(time.DateOnly), d.Why))
			continue
		}
		refused = append(refused, errors.New(f.String()))
	}
	if len(refused) == 0 {
		s.result.Warnings = append(s.result.Warnings, warnings...)
		return nil
	}
	r.findings = findings
	return r.Refuse(errors.Join(refused...))
}

// overruled finds the operator's decision that lets a refused finding pass.
func (s *Session) overruled(r *Response, f Finding) (landing.Decision, bool, error) {
	if s.decisions == nil {
		list, err := s.deps.Zone.Decisions(s.source.Name)
		if err != nil {
			return landing.Decision{}, false, err
		}
		s.decisions = append([]landing.Decision{}, list...)
	}
	sha := ""
	for _, d := range s.decisions {
		switch d.Action {
		case landing.Accept:
			if d.Rule == f.Rule && d.Detail == f.Detail {
				return d, true, nil
			}
		case landing.Release:
			if sha == "" {
				var err error
				if sha, err = r.hash(); err != nil {
					return landing.Decision{}, false, err
				}
			}
			if d.SHA256 == sha {
				return d, true, nil
			}
		}
	}
	return landing.Decision{}, false, nil
}

// hash is the hex SHA-256 of the body as it came.
func (r *Response) hash() (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r.body()); err != nil {
		return "", fmt.Errorf("read the answer again: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
