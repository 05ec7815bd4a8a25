package web

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var everyPage = []string{"/", "/price", "/positioning", "/positioning?range=max", "/price?range=max", "/supply", "/supply?country=BR", "/stocks", "/stocks?range=max", "/weather", "/weather/br_cerrado_mineiro", "/methodology", "/status", "/nowhere"}

// browser starts Chromium for a test; complaints returns what its console and
// its content security policy said since the last call.
func browser(t *testing.T) (ctx context.Context, complaints func() []string) {
	t.Helper()
	if os.Getenv("MATERIA_BROWSER") == "" && os.Getenv("MATERIA_SCREENSHOTS") == "" {
		t.Skip("SKIPPED: browser tests run with MATERIA_BROWSER=1 and Chromium installed")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED: chromium is not installed, so no page was looked at in a browser")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true))
	alloc, cancelAlloc := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancelAlloc)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancelTime)
	var mu sync.Mutex
	var said []string
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the test is over
			}
			if !strings.Contains(m.Text, "status of 404") { // the page that is not there says so
				mu.Lock()
				said = append(said, m.String()+" "+m.URL)
				mu.Unlock()
			}
		}
	}()
	return ctx, func() []string {
		time.Sleep(100 * time.Millisecond) // messages arrive after what caused them
		mu.Lock()
		defer mu.Unlock()
		all := said
		said = nil
		return all
	}
}

// realOrSmall serves the real figures where they are, else the small fixture.
func realOrSmall(t *testing.T) *httptest.Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	small(t, path)
	t.Run("real data", func(t *testing.T) { realData(t, path, true) })
	server := httptest.NewServer(open(t, path, today))
	t.Cleanup(server.Close)
	return server
}

// do runs steps, which must work.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// js evaluates an expression, which must work.
func js[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%v in %.80s", err, expression)
	}
	return v
}

// visit opens a page at a width and in a theme.
func visit(t *testing.T, ctx context.Context, url string, width int64, dark bool) {
	t.Helper()
	theme := "light"
	if dark {
		theme = "dark"
	}
	var options []chromedp.EmulateViewportOption
	if width < 600 {
		options = append(options, chromedp.EmulateMobile)
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}
	do(t, ctx, chromedp.EmulateViewport(width, 900, options...))
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("main")))
}

func TestPagesInABrowser(t *testing.T) {
	ctx, complaints := browser(t)
	server := realOrSmall(t)
	for _, url := range everyPage {
		for _, width := range []int64{390, 1280} {
			for _, dark := range []bool{false, true} {
				name := fmt.Sprintf("%s at %d, dark %v", url, width, dark)
				visit(t, ctx, server.URL+url, width, dark)
				if overflow := js[int](t, ctx, `document.documentElement.scrollWidth - innerWidth`); overflow > 0 {
					t.Errorf("%s: the page scrolls sideways by %d px", name, overflow)
				}
				if faint := js[[]string](t, ctx, contrastScript); len(faint) > 0 {
					t.Errorf("%s: contrast below 4.5: %q", name, faint)
				}
			}
		}
		if said := complaints(); len(said) > 0 {
			t.Errorf("%s: the browser complained: %q", url, said)
		}
	}
}

// contrastScript lists elements with visible text whose contrast with the page
// is below WCAG AA; colours are read as the browser paints them.
const contrastScript = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = c => { canvas.clearRect(0,0,1,1); canvas.fillStyle = c; canvas.fillRect(0,0,1,1); return [...canvas.getImageData(0,0,1,1).data]; };
  const lum = c => { const f = c.slice(0,3).map(v => { v /= 255; return v <= 0.03928 ? v/12.92 : ((v+0.055)/1.055)**2.4; }); return 0.2126*f[0]+0.7152*f[1]+0.0722*f[2]; };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255,255,255,255]; };
  const out = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || ['TITLE','DESC','SCRIPT','OPTION'].includes(e.tagName.toUpperCase()) || !e.getClientRects().length) continue;
    const s = getComputedStyle(e), fg = rgb(e.namespaceURI.endsWith('svg') ? s.fill : s.color), a = lum(fg), b = lum(behind(e));
    const ratio = (Math.max(a,b)+0.05)/(Math.min(a,b)+0.05);
    if (ratio < 4.5) out.add(e.tagName + '.' + (e.getAttribute('class')||'') + ' ' + ratio.toFixed(2) + ' ' + e.textContent.trim().slice(0,30));
  }
  return [...out];
})()`

func TestSwitchingRangeAndCountryInABrowser(t *testing.T) {
	ctx, complaints := browser(t)
	server := realOrSmall(t)
	visit(t, ctx, server.URL+"/price", 1280, false)
	js[string](t, ctx, `window.stays = 'same document'`)
	do(t, ctx, chromedp.Click(chromedp.CSS("#range-5y")), chromedp.WaitReady(chromedp.CSS(`#range-5y[aria-current]`)))
	if at := js[string](t, ctx, `location.pathname + location.search + ' ' + window.stays`); at != "/price?range=5y same document" {
		t.Errorf("after the switch: %s", at)
	}
	if focus := js[string](t, ctx, `document.activeElement.id`); focus != "range-5y" {
		t.Errorf("the keyboard was on the chosen range, now it is on %q", focus)
	}
	js[bool](t, ctx, `history.back() || true`)
	do(t, ctx, chromedp.WaitReady(chromedp.CSS(`#range-1y[aria-current]`)))
	if at := js[string](t, ctx, `location.pathname + location.search`); at != "/price" {
		t.Errorf("back leads to %s", at)
	}

	visit(t, ctx, server.URL+"/supply", 1280, false)
	js[string](t, ctx, `window.stays = 'same document'`)
	js[bool](t, ctx, `(() => { const s = document.querySelector('#country'); s.value = 'BR'; return s.dispatchEvent(new Event('change', {bubbles: true})); })()`)
	do(t, ctx, chromedp.WaitReady(chromedp.CSS(`#country option[value=BR][selected]`)))
	if at := js[string](t, ctx, `location.pathname + location.search + ' ' + document.querySelector('h1').textContent.slice(0, 6) + ' ' + window.stays`); at != "/supply?country=BR Brazil same document" {
		t.Errorf("after choosing Brazil: %s", at)
	}
	if said := complaints(); len(said) > 0 {
		t.Errorf("the browser complained: %q", said)
	}
}

func TestKeyboardOrder(t *testing.T) {
	ctx, _ := browser(t)
	server := realOrSmall(t)
	visit(t, ctx, server.URL+"/price", 1280, false)
	for i, want := range []string{"Skip to the figures", "Materia", "Pulse", "Price", "Positioning", "Supply", "Stocks", "Weather", "Methodology", "Status", "3 months", "1 year", "5 years", "All"} {
		do(t, ctx, chromedp.KeyEvent("\t"))
		at := js[string](t, ctx, `document.activeElement.textContent.trim()`)
		if outline := js[string](t, ctx, `getComputedStyle(document.activeElement).outlineStyle`); at != want || outline == "none" {
			t.Fatalf("tab %d is on %q (outline %s), want %q", i+1, at, outline, want)
		}
	}
}

func TestWithoutJavaScript(t *testing.T) {
	ctx, _ := browser(t)
	server := realOrSmall(t)
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	visit(t, ctx, server.URL+"/price", 1280, false)
	if htmx := js[string](t, ctx, `typeof htmx`); htmx != "undefined" {
		t.Fatalf("scripts ran: htmx is %s", htmx)
	}
	do(t, ctx, chromedp.Click(chromedp.CSS("#range-3m")), chromedp.WaitReady(chromedp.CSS(`#range-3m[aria-current]`)))
	if at := js[string](t, ctx, `location.pathname + location.search`); at != "/price?range=3m" {
		t.Errorf("range without JavaScript: %s", at)
	}
	visit(t, ctx, server.URL+"/supply", 1280, false)
	do(t, ctx, chromedp.SendKeys(chromedp.CSS("#country"), "Vietnam"), chromedp.Click(chromedp.CSS("form.choose button")),
		chromedp.WaitReady(chromedp.CSS(`#country option[value=VM][selected]`)))
	if at := js[string](t, ctx, `location.pathname + location.search + ' ' + document.querySelector('h1').textContent.slice(0, 7)`); at != "/supply?country=VM Vietnam" {
		t.Errorf("country without JavaScript: %s", at)
	}
}

// TestScreenshots writes every page at both widths and in both themes into the
// folder that MATERIA_SCREENSHOTS names, for people to look at.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("MATERIA_SCREENSHOTS")
	if dir == "" {
		t.Skip("SKIPPED: MATERIA_SCREENSHOTS names no folder to write to")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, _ := browser(t)
	server := realOrSmall(t)
	sample := httptest.NewServer(smallSite(t, "UPDATE serving.snapshot SET origin = 'sample'", "UPDATE serving.data_freshness SET expected_next = DATE '2025-12-03' WHERE source = 'prices'"))
	defer sample.Close()
	empty := httptest.NewServer(open(t, filepath.Join(t.TempDir(), "none.duckdb"), today))
	defer empty.Close()
	urls := map[string]string{"sample-late": sample.URL + "/", "sample-price": sample.URL + "/price", "empty": empty.URL + "/"}
	for _, url := range everyPage {
		urls[strings.Trim("pulse"+strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(url), "-")] = server.URL + url
	}
	for name, url := range urls {
		for _, width := range []int64{390, 1280} {
			for _, dark := range []bool{false, true} {
				theme := map[bool]string{false: "light", true: "dark"}[dark]
				visit(t, ctx, url, width, dark)
				png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, theme)), png, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
