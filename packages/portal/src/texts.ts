const deliveries = (n: number) => (n === 1 ? "1 delivery" : `${n} deliveries`);

/** Every text of the portal. Replace any: `portal.texts = { endpoints: "Endpunkte" }`. Errors of the database are in English. */
export const english = {
  endpoints: "Endpoints", deliveries: "Deliveries", eventTypes: "Event types", sections: "Webhooks",
  noClient: "Set the properties client and tenant of <webhooks-portal> to show a customer's webhooks.",
  loading: "Loading…", old: (time: string, why: string) => `Not up to date since ${time}: ${why}`,
  offline: "Supabase cannot be reached. Check the connection.",
  signedOut: "Your sign-in has ended. Sign in again.", noAccess: "You have no access to these webhooks, or your sign-in has ended.",
  unexpected: (status: number) => `Supabase returned an unexpected response (HTTP ${status}). Try again later.`,
  back: "Back", cancel: "Cancel", save: "Save", done: "Done", copy: "Copy", copied: "Copied.", notCopied: "The browser does not let this page copy. Select the secret, and copy it yourself.",
  // health and status
  healthy: "Healthy", failing: "Failing", paused: "Paused", disabled: "Disabled",
  pending: "Pending", processing: "Sending", delivered: "Delivered", failed: "Failed",
  // endpoints
  newEndpoint: "New endpoint", noEndpoints: "No endpoints yet. Create one, and events are sent to its URL as they happen.",
  name: "Name", url: "URL", health: "Health", events: "Events", allEvents: "All events", lastDay: "Last 24 hours",
  success: (percent: number, attempts: number) => `${percent}% of ${attempts === 1 ? "1 attempt" : `${attempts} attempts`} succeeded`, noAttempts: "No attempts",
  durations: "Response time", p50p95: (p50: number, p95: number) => `${p50} ms median, ${p95} ms p95`,
  since: (time: string) => `Since ${time}`, waiting: "Waiting", rate: "Rate limit", perSecond: (n: number) => `${n} a second`,
  retries: "Retries", standard: "Ten attempts over three days", quick: "Three attempts within seconds",
  attemptsLimit: (n: number) => `${n} attempts`, headers: "Headers", createdAt: "Created",
  edit: "Edit", pause: "Pause", resume: "Resume", remove: "Delete", rotate: "Rotate secret", replay: "Replay…",
  wasPaused: "The endpoint is paused. Its events wait.", wasResumed: "The endpoint delivers again.",
  // the form
  editEndpoint: (name: string) => `Edit ${name}`, urlHelp: "Where events are sent, as POST requests in JSON.",
  eventsHelp: "Which events it receives.", onlyThese: "Only these", rateHelp: "Deliveries a second at most. Leave empty for the default.",
  retriesHelp: "How often a delivery is tried until the endpoint accepts it.", unchanged: "As now",
  headersHelp: "Sent with each delivery, one per line, such as X-Key: value.", headersKept: (names: string) => `Leave empty to keep ${names}.`,
  rateWrong: "Enter a whole number of 1 or more, or leave it empty.", headerTwice: (name: string) => `${name} is there twice.`,
  dropHeaders: "Remove all headers", headerLine: (line: number) => `Line ${line} must have the form "Name: value".`,
  nameNeeded: "Enter a name.", urlNeeded: "Enter a URL.", eventsNeeded: "Choose at least one event type.",
  changedMeanwhile: "Someone else has changed this endpoint in the meantime. Your input is kept. Save again to replace their changes:",
  changedTo: (field: string, value: string) => `${field}: ${value}`,
  // secrets
  secretOf: (name: string) => `Signing secret of ${name}`, secretOnce: "Copy it now. It is not shown again. Your receiver verifies each delivery's signature with it, for example with a library of Standard Webhooks.",
  overlap: "The old secret stays valid for", hours: (n: number) => (n === 0 ? "no time: it expires now" : `${n} hours`),
  rotateText: "A new secret is created. Until the old one expires, each delivery is signed with both.",
  previousUntil: (time: string) => `The previous secret is valid until ${time}.`, endOverlap: "End it now", overlapEnded: "Only the new secret signs now.",
  // deletion
  deleteTitle: (name: string) => `Delete ${name}?`, deleteHistory: "Delete its deliveries too", keepHistory: "Keep its deliveries readable",
  deleting: (n: number) => `Deleting… ${deliveries(n)} so far. Cancel stops it.`, deletedEndpoint: "The endpoint is deleted.",
  deletionStopped: "The deletion was stopped. The endpoint is paused. Delete it again to finish.",
  // a test
  test: "Send a test", testEvent: "Event", testExample: "A test event", send: "Send",
  tooMany: "Too many requests in a minute. Wait a moment, then try again.",
  // deliveries
  status: "Status", event: "Event", endpoint: "Endpoint", time: "Time", attempts: "Attempts", response: "Response",
  any: "Any", from: "From", until: "Until", noDeliveries: "No deliveries.", noneFound: "No deliveries match.", clear: "Clear filters",
  searchedUntil: (time: string) => `Searched back to ${time}.`, older: "Older", newest: "Newest", filters: "Filters",
  attemptOf: (n: number, max: number) => `${n} of ${max}`, deliveryOf: (event: string) => event, requestId: "Request id",
  waitsFor: (reason: string, until: string) => `Waiting: ${reason}${until && `, until ${until}`}`, retry: "Retry now", retried: "The delivery is due now.",
  attempt: (n: number) => `Attempt ${n}`, after: (wait: string) => `waited ${wait}`, took: (time: string) => `took ${time}`, noResponse: "No response", noBody: "The response had no body.",
  payload: "Payload", noPayload: "The payload was erased.", responseHeaders: "Response headers", noAttempt: "No attempt yet.",
  deletedMark: "deleted",
  // replay
  replayOf: (name: string) => `Replay deliveries of ${name}`, replayText: "Deliveries in this range are sent again, with the same ids.",
  count: "Count", matching: (n: number, more: boolean) => (more ? `${n} or more deliveries match.` : n === 1 ? "1 delivery matches." : `${n} deliveries match.`),
  sendAgain: (n: string) => `Send ${n} again`, replaying: (n: number) => `${n} sent again so far. Back stops it.`, replayStopped: (n: number) => `Stopped. ${deliveries(n)} sent again.`, replayed: (n: number) => (n === 1 ? "1 delivery is due now." : `${n} deliveries are due now.`),
  // event types
  noTypes: "There are no event types for customers yet.", field: "Field", type: "Type", required: "required", meaning: "Meaning", example: "Example",
};

export type Texts = typeof english;
