package supervise

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics answers /metrics from the journal at the moment of the scrape; it
// keeps nothing of its own that could differ from it.
type Metrics struct {
	Look    func(ctx context.Context) (Status, error)
	Folders []string
	Version string
}

var (
	up          = prometheus.NewDesc("materia_supervisor_up", "1 while the journal can be read.", []string{"version"}, nil)
	started     = prometheus.NewDesc("materia_supervisor_start_time_seconds", "When the supervisor started, Unix time.", nil, nil)
	progressed  = prometheus.NewDesc("materia_supervisor_progress_time_seconds", "When its loop last advanced, Unix time.", nil, nil)
	lastStart   = prometheus.NewDesc("materia_workflow_last_start_time_seconds", "Start of the newest run, Unix time.", []string{"workflow"}, nil)
	lastSuccess = prometheus.NewDesc("materia_workflow_last_success_time_seconds", "End of the newest good run, Unix time; 0 if none.", []string{"workflow"}, nil)
	lastTook    = prometheus.NewDesc("materia_workflow_last_duration_seconds", "Length of the newest run that has ended.", []string{"workflow"}, nil)
	lastState   = prometheus.NewDesc("materia_workflow_last_status", "1 for the status of the newest run.", []string{"workflow", "status"}, nil)
	nextSlot    = prometheus.NewDesc("materia_workflow_next_slot_time_seconds", "The next scheduled slot, Unix time.", []string{"workflow"}, nil)
	alertOpen   = prometheus.NewDesc("materia_alert_open", "1 for each condition that is open.", []string{"key", "severity"}, nil)
	unsent      = prometheus.NewDesc("materia_alert_messages_unsent", "Messages that wait in the outbox.", nil, nil)
	backupAt    = prometheus.NewDesc("materia_backup_last_success_time_seconds", "End of the newest good backup, Unix time; 0 if none.", nil, nil)
	verifiedAt  = prometheus.NewDesc("materia_backup_last_verify_time_seconds", "End of the newest good verification, Unix time; 0 if none.", nil, nil)
	diskFree    = prometheus.NewDesc("materia_disk_free_bytes", "Space left on the file system of the folder.", []string{"folder"}, nil)
)

// Handler serves the metrics, with those of the Go runtime and the process.
func (m Metrics) Handler() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 20 * time.Second})
}

// Describe is empty: which workflows there are is known at the scrape.
func (m Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the journal once.
func (m Metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st, err := m.Look(ctx)
	if err != nil {
		gauge(up, 0, m.Version)
		return
	}
	gauge(up, 1, m.Version)
	gauge(started, unix(st.StartedAt))
	gauge(progressed, unix(st.ProgressedAt))
	for _, w := range st.Workflows {
		gauge(lastStart, unix(w.LastStarted), w.Name)
		gauge(lastSuccess, unix(w.LastGood), w.Name)
		if !w.LastEnded.IsZero() {
			gauge(lastTook, w.LastEnded.Sub(w.LastStarted).Seconds(), w.Name)
		}
		if w.LastStatus != "" {
			gauge(lastState, 1, w.Name, w.LastStatus)
		}
		if !w.Next.IsZero() {
			gauge(nextSlot, unix(w.Next), w.Name)
		}
	}
	for _, c := range st.Conditions {
		gauge(alertOpen, 1, c.Key, c.Severity)
	}
	gauge(unsent, float64(st.Unsent))
	gauge(backupAt, unix(st.Backup.LastGood))
	gauge(verifiedAt, unix(st.Backup.LastVerified))
	if spaces, err := SpaceOf(m.Folders); err == nil {
		for _, s := range spaces {
			gauge(diskFree, float64(s.FreeBytes), s.Folder)
		}
	}
}

// unix is 0 for a moment that never was.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
