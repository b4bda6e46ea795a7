// Made of the API's description by "go test ./control -run TypeScript -update". Not to be edited.

export interface APIKey {
  created_at: string;
  created_by: string | null;
  expires_at: string | null;
  id: string;
  last_used_at: string | null;
  name: string;
  number: number;
  prefix: string;
  revoked_at: string | null;
  role: "owner" | "admin" | "member";
  scopes: (string)[];
  status: "active" | "expired" | "revoked";
}

export interface Actor {
  id: string;
  type: "user" | "ai_employee";
}

export interface Address {
  address: string;
  channelType: "PHONE" | "WHATSAPP" | "EMAIL";
  contactId: number;
  createdAt: string;
  id: number;
  tenantId: string;
  updatedAt: string;
}

export interface Agent {
  created_at: string;
  description: string | null;
  dtmf_rules: Record<string, unknown> | null;
  effective_settings?: AgentSettings;
  enabled: boolean;
  id: string;
  is_default?: boolean;
  name: string;
  number: number;
  settings: Record<string, unknown> | null;
  settings_problems?: (Finding)[] | null;
  starting_message: string | null;
  system_prompt: string;
  updated_at: string;
  version: number;
  voice_settings: Record<string, unknown> | null;
}

export interface AgentDocument {
  bytes: number;
  chunks: number;
  created_at: string;
  id: string;
  kind: "text" | "markdown" | "html" | "pdf";
  name: string;
  number: number;
  state?: "added" | "replaced" | "unchanged";
  title: string;
  vectors: number;
  warning?: string;
}

export interface AgentRecording {
  enabled?: boolean;
}

export interface AgentSettings {
  flow?: Record<string, unknown>;
  languages?: Languages;
  manners?: Record<string, unknown>;
  memory?: Memory;
  providers?: Providers;
  recording?: AgentRecording;
  relay?: Relay;
  report?: (ReportField)[] | null;
  tools?: Record<string, unknown>;
  widget?: Widget;
}

export interface Assignment {
  assignedTo: Actor;
  cancellationReason: string | null;
  cancelledAt: string | null;
  completedAt: string | null;
  context: AssignmentContext;
  createdAt: string;
  createdBy: Actor;
  customFields?: Record<string, unknown>;
  dueDate: string | null;
  id: string;
  objective: string;
  publishedAt: string | null;
  status: "completed" | "cancelled" | "scheduled" | "overdue";
  tenantId: string;
  title?: string;
  updatedAt: string;
  work?: Work;
}

export interface AssignmentContext {
  conversationId: number | null;
}

export interface Attachment {
  id: string;
  isCacheable: boolean;
  mediaProcessing: unknown;
  metadata: FileMetadata;
  type: "image" | "audio" | "video" | "document" | "sticker";
  unsignedUrl: string | null;
  url: string | null;
}

export interface Barred {
  created_at: string;
  id: string;
  number: number;
  phone_number: string;
  reason: string | null;
}

export interface Bot {
  agent_id: string;
  config: Record<string, unknown> | null;
  conversation_count: number;
  created_at: string;
  id: string;
  is_active: boolean;
  name: string;
  number: number;
  system_prompt: string;
  tenant_id: string;
  type: "whatsapp" | "inbound_call" | "outbound_call" | "ivr" | "whatsapp_voice";
  updated_at: string;
}

export interface Breaker {
  calls: number;
  percent: number;
  short_seconds: number;
}

export interface BreakerState {
  calls: number;
  failed: number;
  percent: number;
  seen: number;
  short_seconds: number;
}

export interface BulkCounts {
  duplicates: number;
  errors: number;
  successful: number;
  total: number;
  warnings: number;
}

export interface BulkReport {
  batchErrors: (Issue)[];
  counts: BulkCounts;
  itemsIssues: (ItemIssues)[];
}

export interface BulkResult {
  message: string;
  operationId: string;
  report: BulkReport;
}

export interface Call {
  agent_id: string | null;
  agent_version: number | null;
  answered_at: string | null;
  answered_by: string | null;
  carrier: string;
  carrier_call_id: string | null;
  cause: string | null;
  created_at: string;
  direction: "inbound" | "outbound";
  dropped_frames: number;
  duration_seconds: number | null;
  ended_at: string | null;
  error: string | null;
  from_number: string | null;
  id: string;
  latency: Record<string, number> | null;
  number: number;
  started_at: string;
  status: "initiated" | "in_progress" | "completed" | "failed";
  task_id: string | null;
  to_number: string | null;
  turn_count: number;
}

export interface CallDetail {
  agent_id: string | null;
  agent_version: number | null;
  answered_at: string | null;
  answered_by: string | null;
  carrier: string;
  carrier_call_id: string | null;
  cause: string | null;
  collected: Record<string, string> | null;
  cost?: Cost;
  created_at: string;
  direction: "inbound" | "outbound";
  dropped_frames: number;
  duration_seconds: number | null;
  ended_at: string | null;
  error: string | null;
  from_number: string | null;
  id: string;
  latency: Record<string, number> | null;
  number: number;
  pre_answer?: PreAnswer;
  quality?: Quality;
  recording_available: boolean;
  report: unknown;
  started_at: string;
  status: "initiated" | "in_progress" | "completed" | "failed";
  task_id: string | null;
  to_number: string | null;
  transcript: (Entry)[];
  transcript_source: "live" | "elevenlabs" | "recording";
  turn_count: number;
  turns: (Turn)[];
}

export interface CallRecording {
  callId: number;
  callProviderId: string | null;
  callProviderName: string | null;
  createdAt: string;
  dualChannel: boolean | null;
  duration: number | null;
  id: number;
  providerId: string;
  providerName: "parley";
  startTime: string;
  tenantId: string;
  updatedAt: string;
  url: string | null;
}

export interface CallReport {
  call_id: string;
  report: Report;
  status: "completed" | "failed";
}

export interface Campaign {
  agent_id: string;
  breaker: Breaker;
  calls_per_second: number;
  created_at: string;
  description: string | null;
  ended_at: string | null;
  id: string;
  max_calls: number;
  name: string;
  number: number;
  priority: number;
  reason: string | null;
  scheduled_at: string | null;
  started_at: string | null;
  starting_message: string | null;
  status: "draft" | "running" | "paused" | "completed" | "cancelled";
  updated_at: string;
  webhook_events: ("call_started" | "call_completed" | "call_failed")[];
  webhook_url: string | null;
}

export interface Channel {
  bot_id: string;
  provider: "meta" | "twilio" | null;
  verify_token: string | null;
  webhook_url: string | null;
}

export interface ChannelMessage {
  attachments: (Attachment)[];
  channel: "whatsapp";
  contactId: number | null;
  content: string;
  conversationId: string;
  createdAt: string;
  customFields: Record<string, unknown>;
  direction: "inbound" | "outbound";
  errors: (MessageError)[];
  funnelConversationId: number | null;
  id: string;
  mediaProcessing: unknown;
  metadata: Record<string, unknown> | null;
  providerId: string | null;
  recipient: Party;
  sender: Party;
  sessionId: number;
  status: "pending" | "sent" | "failed" | "delivered" | "read" | "played";
  tenantId: string;
  updatedAt: string;
  userId: string | null;
}

export interface ChannelSession {
  archivedAt: string | null;
  channelType: "PHONE" | "WHATSAPP" | "EMAIL";
  contactAddressId: number | null;
  createdAt: string;
  endTime: string | null;
  funnelAddressId: number | null;
  funnelConversationId: number;
  id: number;
  messagingConversationId: string;
  startTime: string;
  tenantId: string;
  updatedAt: string;
}

export interface Check {
  about?: string;
  detail: string;
  fix: string | null;
  name: string;
  status: "passed" | "failed" | "not_supported";
}

export interface ConnectionInfo {
  auth_method: "query_param";
  auth_param: "api_key";
  example: string;
  example_session: string;
  message_format: "json";
  message_types: ("connected" | "transcript_update" | "call_status_update" | "error")[];
  temp_auth_param: "session_token";
  url: string;
}

export interface Contact {
  addresses: (Address)[];
  companyPosition: string | null;
  contactCompanyId: number | null;
  createdAt: string;
  customFields: Record<string, unknown>;
  email: string | null;
  firstName: string | null;
  id: number;
  lastName: string | null;
  metadata: unknown;
  nationalId: string | null;
  phone: string | null;
  providerId: string | null;
  providerName: string | null;
  tenantId: string;
  updatedAt: string;
  userId: number | null;
}

export interface Conversation {
  ai_autoreply_enabled: boolean;
  bot_id: string;
  bot_name: string;
  channel: "whatsapp" | "voice";
  contact_id: string | null;
  created_at: string;
  duration_seconds: number | null;
  external_id: string;
  id: string;
  metadata: Record<string, unknown> | null;
  number: number;
  status: "active" | "completed" | "escalated" | "failed";
  tenant_id: string;
  updated_at: string;
}

export interface Cost {
  complete: boolean;
  currency: string;
  missing: (string)[];
  total: number;
  vendors: (CostLine)[];
}

export interface CostLine {
  audio_seconds: number;
  cached_tokens: number;
  characters: number;
  input_tokens: number;
  kind: "stt" | "llm" | "tts";
  model: string | null;
  output_tokens: number;
  server: string | null;
  total: number | null;
  vendor: string;
}

export interface Credential {
  account_id: string | null;
  application_id: string | null;
  base_url: string | null;
  created_at: string;
  default: boolean;
  id: string;
  name: string;
  number: number;
  public_key: string | null;
  secret_hint: string | null;
  updated_at: string;
  vendor: "twilio" | "telnyx" | "plivo" | "signalwire" | "signalwire_signing" | "vonage" | "vonage_signing" | "openai" | "deepgram" | "elevenlabs" | "anthropic" | "gemini" | "cartesia" | "rime" | "azure" | "assemblyai" | "groq" | "mistral" | "whatsapp" | "whatsapp_app" | "custom";
  verdict: "works" | "refused" | null;
  verified_at: string | null;
}

export interface CustomField {
  createdAt: string;
  description: string | null;
  entityType: "CONTACT" | "COMPANY" | "FUNNEL_CONVERSATION" | "FUNNEL_CHANNEL_SESSION" | "PRODUCT" | "TASK";
  fieldKey: string;
  fieldLabel: string | null;
  fieldType: "STRING" | "NUMBER" | "DATE" | "BOOLEAN" | "LIST" | "FILE";
  id: number;
  tenantId: string;
  updatedAt: string;
}

export interface Deleted {
  deleted: boolean;
  id: string;
}

export interface DeletedBot {
  deleted: boolean;
  id: string;
}

export interface Delivery {
  attempt_count: number;
  call_id: string | null;
  created_at: string;
  error: string | null;
  event_type: "call_started" | "call_completed" | "call_failed" | "test";
  id: string;
  next_attempt_at: string | null;
  number: number;
  response_status: number | null;
  settled_at: string | null;
  status: "pending" | "delivered" | "failed";
  task_id: string | null;
  url: string;
}

export interface DeliveryAttempt {
  at: string;
  error: string | null;
  latency_ms: number;
  n: number;
  response: string | null;
  response_status: number | null;
}

export interface DeliveryDetail {
  attempt_count: number;
  attempts: (DeliveryAttempt)[];
  call_id: string | null;
  created_at: string;
  error: string | null;
  event_type: "call_started" | "call_completed" | "call_failed" | "test";
  id: string;
  next_attempt_at: string | null;
  number: number;
  payload: Record<string, unknown> | null;
  response_status: number | null;
  settled_at: string | null;
  status: "pending" | "delivered" | "failed";
  task_id: string | null;
  url: string;
}

export interface Deployment {
  bot_id: string;
  checks: (Check)[];
  verified: boolean;
}

export interface DialRules {
  effective: Rules;
  rules: Rules;
}

export interface DisabledEndpoint {
  disabled_at: string;
  reason: string;
  url: string;
}

export interface Done {
  call_id: string;
  message: string;
}

export interface Draft {
  draft: string;
  remembered?: (string)[];
}

export interface Entry {
  duration_ms: number | null;
  interrupted: boolean;
  offset_ms: number;
  role: "agent" | "user" | "tool" | "system";
  seq: number;
  text: string;
  timestamp: string;
  turn: number | null;
  words?: (EntryWord)[];
}

export interface EntryWord {
  duration_ms: number;
  offset_ms: number;
  text: string;
}

export interface Executed {
  call_id: string;
  message: string;
}

export interface Extension {
  agent_id: string | null;
  created_at: string;
  id: string;
  name: string;
  number: number;
  updated_at: string;
  username: string;
}

export interface FieldOption {
  createdAt: string;
  definitionId: number;
  description: string | null;
  id: number;
  label: string | null;
  tenantId: string;
  updatedAt: string;
  value: string;
}

export interface File {
  content_type: string;
  created_at: string;
  filename: string | null;
  id: string;
  kind: "image" | "audio" | "video" | "document" | "sticker";
  sha256: string;
  size_bytes: number;
  url: string;
}

export interface FileMetadata {
  contentType: string | null;
  error: string | null;
  fileName: string | null;
  sha256: string | null;
  size: number;
}

export interface Finding {
  path: string;
  reason: string;
}

export interface Found {
  passages: (Passage)[];
  took_ms: number;
  warning: string | null;
}

export interface FoundContact {
  addresses: (Address)[];
  archivedAt: string | null;
  companyPosition: string | null;
  contactCompanyId: string | null;
  createdAt: string;
  customFields: Record<string, unknown>;
  email: string | null;
  eventSequence: number;
  eventTimestamp: string;
  firstName: string | null;
  id: string;
  lastName: string | null;
  metadata: unknown;
  modelType: "Contact";
  nationalId: string | null;
  phone: string | null;
  providerId: string | null;
  providerName: string | null;
  tenantId: string;
  updatedAt: string;
  userId: string | null;
}

export interface FunnelConversation {
  archivedAt: string | null;
  channelSessions: (ChannelSession)[];
  contactId: number;
  contacts: (Contact)[];
  createdAt: string;
  customFields: Record<string, unknown>;
  funnelId: number | null;
  funnelStatusId: number | null;
  id: number;
  tenantId: string;
  updatedAt: string;
  userId: number | null;
}

export interface Gone {
  deleted: boolean;
  id: string;
}

export interface HookSecret {
  created_at: string;
  former_secret_until: string | null;
  secret: string;
}

export interface HookSettings {
  disabled_endpoints: (DisabledEndpoint)[];
  disabled_total: number;
  former_secret_until: string | null;
  redelivery: boolean;
  secret_created_at: string | null;
}

export interface ICEServer {
  credential: string;
  urls: (string)[];
  username: string;
}

export interface Invited {
  email: string;
  email_sent: boolean;
  expires_at: string;
  id: string;
  invite_url: string;
  message: string;
  role: "owner" | "admin" | "member";
  token: string;
}

export interface Issue {
  code: "REQUIRED_FIELD" | "INVALID_TYPE" | "INVALID_VALUE" | "NOT_FOUND" | "DUPLICATE" | "UNKNOWN_FIELD" | "IGNORED_VALUE" | "SEVERAL_CONTACTS" | "TOO_MANY_ITEMS";
  context: unknown;
  field: string;
  message: string;
}

export interface ItemIssues {
  errors: (Issue)[];
  existingEntities: unknown;
  index: number;
  itemId: number | null;
  warnings: (Issue)[];
}

export interface LanguageModel {
  max_tokens?: number;
  model?: string;
  reasoning_effort?: "none" | "minimal" | "low" | "medium" | "high";
  temperature?: number;
  vendor?: "auto" | "flow" | "openai" | "anthropic" | "gemini" | "openai-realtime" | "gemini-live";
  voice?: string;
}

export interface Languages {
  listening?: string;
  speaking?: string;
}

export interface Latency {
  max_ms: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
}

export interface ListenToken {
  call_id: string;
  expires_at: string;
  name: string;
  token: string;
  whip_url: string;
}

export interface LiveInfo {
  call_id: string;
  connection_info: ConnectionInfo;
  expires_at: string;
  temp_token: string;
  websocket_url: string;
}

export interface LoggedIn {
  expires_at: string;
  expires_in: number;
  organization: Organization;
  session: SessionRow;
  token: string;
  token_type: "Bearer";
  user: User;
}

export interface LoggedOut {
  logged_out: boolean;
}

export interface Lookup {
  duration_ms: number;
  error: string | null;
  sources: (Source)[];
}

export interface Media {
  contentType: string;
  fileId: string;
  fileName: string;
  mediaId: string;
  size: number;
  tags: Record<string, string>;
  url: string;
}

export interface Memory {
  channels?: ("voice" | "whatsapp")[];
  conversations?: number;
  days?: number;
  enabled: boolean;
  messages?: number;
  time_zone?: string;
}

export interface Message {
  author: "customer" | "bot" | "human" | null;
  content: string;
  conversation_id: string;
  created_at: string;
  data: Record<string, unknown> | null;
  error: string | null;
  id: string;
  message_type: string;
  role: "user" | "assistant" | "tool" | "system";
  status: "pending" | "sent" | "failed" | "delivered" | "read" | "played" | null;
  tokens_used: number | null;
}

export interface MessageError {
  code: number;
  href: string;
  message: string;
  provider: "meta" | "twilio";
  title: string;
}

export interface NewAPIKey {
  created_at: string;
  created_by: string | null;
  expires_at: string | null;
  id: string;
  key: string;
  last_used_at: string | null;
  name: string;
  number: number;
  prefix: string;
  revoked_at: string | null;
  role: "owner" | "admin" | "member";
  scopes: (string)[];
  status: "active" | "expired" | "revoked";
}

export interface NewExtension {
  agent_id: string | null;
  created_at: string;
  id: string;
  name: string;
  number: number;
  password: string;
  updated_at: string;
  username: string;
}

export interface Number {
  agent_id: string | null;
  created_at: string;
  credential_id: string | null;
  id: string;
  label: string | null;
  number: number;
  phone_number: string;
  pre_answer: unknown;
  trunk_id: string | null;
  updated_at: string;
}

export interface Organization {
  created_at: string;
  current: boolean;
  id: string;
  memory: Memory;
  name: string;
  number: number;
  pre_answer: unknown;
  role: "owner" | "admin" | "member";
}

export interface PageAssignment {
  items: (Assignment)[];
  nextPageToken: string | null;
  totalCount: number | null;
}

export interface PageContact {
  items: (Contact)[];
  nextPageToken: string | null;
  totalCount: number | null;
}

export interface PageCustomField {
  items: (CustomField)[];
  nextPageToken: string | null;
  totalCount: number | null;
}

export interface PageFieldOption {
  items: (FieldOption)[];
  nextPageToken: string | null;
  totalCount: number | null;
}

export interface PageFoundContact {
  items: (FoundContact)[];
  nextPageToken: string | null;
  totalCount: number | null;
}

export interface Party {
  address: string;
  displayName: string | null;
  metadata: Record<string, unknown> | null;
  providerId: string | null;
  role: "user" | "assistant" | "agent";
}

export interface Passage {
  document: string;
  document_id: string;
  place: string;
  score: number;
  text: string;
}

export interface PasswordChanged {
  message: string;
}

export interface PhoneCall {
  agentScore: number | null;
  analysisConfigId: number | null;
  category: string | null;
  contactId: number | null;
  createdAt: string;
  customData: unknown;
  direction: string;
  duration: number | null;
  from: string | null;
  funnelConversationId: number | null;
  id: number;
  lastUpdateSequence: number;
  metadata: unknown;
  opportunityId: number | null;
  providerId: string | null;
  providerName: string | null;
  redirectedTo: string | null;
  sessionId: number | null;
  startTime: string;
  status: string;
  teamId: number | null;
  tenantId: string;
  to: string | null;
  updatedAt: string;
  userId: number | null;
}

export interface PreAnswer {
  agent_id: string | null;
  error: string | null;
  fallback: "agent" | "reject" | null;
  greeting: string | null;
  outcome: "heeded" | "empty" | "rejected" | "timeout" | "unreachable" | "refused" | "wrong" | "forbidden" | "unsigned" | "abandoned";
  reject: "busy" | "rejected" | null;
  status: number | null;
  took_ms: number;
  tries: number;
  variables: Record<string, string> | null;
}

export interface Problem {
  field: string;
  kind: "invalid" | "denied" | "duplicate";
  line: number;
  message: string;
}

export interface Progress {
  breaker: BreakerState;
  calls_per_minute: number | null;
  campaign_id: string;
  ended_at: string | null;
  estimated_end_at: string | null;
  outcomes: Record<string, number>;
  percent_done: number;
  reason: string | null;
  started_at: string | null;
  status: "draft" | "running" | "paused" | "completed" | "cancelled";
  tasks: Tally;
}

export interface Provider {
  failed_percent: number;
  first_p50_ms: number | null;
  first_p95_ms: number | null;
  kind: "stt" | "llm" | "tts";
  last_failure: string | null;
  last_failure_at: string | null;
  name: string;
  state: "idle" | "works" | "troubled" | "fails";
}

export interface Providers {
  llm?: LanguageModel;
  stt?: Speech;
  tts?: Speaking;
}

export interface Quality {
  concealed_ms: number;
  delay_ms: number;
  far_jitter_ms: number;
  far_loss: number;
  far_lost: number;
  jitter_ms: number;
  late: number;
  loss: number;
  lost: number;
  mos: number;
  received: number;
  round_trip_ms: number | null;
  sent: number;
}

export interface Recording {
  call_id: string;
  channels: number;
  duration_seconds: number;
  expires_at: string;
  format: "wav";
  opus_url: string | null;
  recording_url: string;
  sample_rate: number;
  size_bytes: number;
}

export interface Relay {
  dtmf_detection?: boolean;
  hand_over?: string;
  interrupt_sensitivity?: "low" | "medium" | "high";
  interruptible?: "none" | "dtmf" | "speech" | "any";
  languages?: (RelayLanguage)[];
  parameters?: Record<string, string>;
  partial_prompts?: boolean;
  preemptible?: boolean;
  secret?: string;
  url: string;
  welcome_greeting_interruptible?: "none" | "dtmf" | "speech" | "any";
}

export interface RelayLanguage {
  code: string;
  voice?: string;
}

export interface Report {
  cost?: Cost;
  created_at: string;
  duration_seconds: number;
  extracted: Record<string, unknown>;
  interruptions: number;
  latency: Latency;
  made_by: "model" | "rules" | "vendor";
  outcome: "achieved" | "partly_achieved" | "not_achieved" | "voicemail" | "no_conversation" | "unknown";
  sentiment: "positive" | "neutral" | "negative" | "mixed" | "unknown";
  summary: string;
  talk_time: TalkTime;
  transcript_source: "live" | "elevenlabs" | "recording";
  turns: number;
}

export interface ReportField {
  description?: string;
  name: string;
  type: "string" | "number" | "integer" | "boolean" | "date";
}

export interface Retold {
  call_id: string;
  conversation_id: string | null;
  extracted_data: Record<string, unknown>;
  report: Report;
  source: "elevenlabs" | "recording";
  status: "completed" | "failed";
  transcript: (Entry)[];
}

export interface Retry {
  busy?: number;
  no_answer?: number;
  wait_seconds?: number;
}

export interface Rules {
  allow?: (string)[];
  calls_per_second?: number;
  deny?: (string)[];
  max_calls?: number;
  retry?: Retry;
  ring_seconds?: number;
  windows?: (Window)[];
  zone?: string;
}

export interface SessionEnded {
  deleted: boolean;
  id: string;
}

export interface SessionRow {
  address: string;
  client: string | null;
  created_at: string;
  current: boolean;
  expires_at: string;
  id: string;
  last_used_at: string;
  organization_id: string;
}

export interface Source {
  document: string;
  place: string | null;
}

export interface Speaking {
  model?: string;
  vendor?: "auto" | "local" | "openai" | "deepgram" | "elevenlabs" | "11labs" | "cartesia" | "rime" | "azure" | "wyoming";
  verbatim?: boolean;
}

export interface Speech {
  confidence?: number;
  keywords?: (string)[] | null;
  model?: string;
  vendor?: "auto" | "local" | "openai" | "deepgram" | "elevenlabs" | "11labs" | "cartesia" | "assemblyai" | "vosk" | "wyoming";
}

export interface TalkTime {
  agent_seconds: number;
  agent_share: number;
  silence_seconds: number;
  user_seconds: number;
}

export interface TalkToken {
  agent_id: string;
  expires_at: string;
  ice_servers?: (ICEServer)[];
  token: string;
  whip_url: string;
}

export interface Tally {
  completed: number;
  failed: number;
  in_progress: number;
  pending: number;
  total: number;
}

export interface Task {
  agent_id: string;
  attempts: number;
  bot_id: string | null;
  call_id: string | null;
  campaign_id: string | null;
  channel: "phone" | "whatsapp";
  context_data: Record<string, unknown> | null;
  created_at: string;
  description: string | null;
  error: string | null;
  id: string;
  name: string;
  next_attempt_at: string | null;
  number: number;
  outcome: string | null;
  permission: unknown;
  priority: number;
  retries: number;
  scheduled_at: string | null;
  starting_message: string | null;
  status: "pending" | "in_progress" | "completed" | "failed";
  to_number: string;
  updated_at: string;
  webhook_events: ("call_started" | "call_completed" | "call_failed")[];
  webhook_url: string | null;
}

export interface TaskDetail {
  agent: unknown;
  agent_id: string;
  attempts: number;
  bot_id: string | null;
  call_id: string | null;
  campaign_id: string | null;
  channel: "phone" | "whatsapp";
  context_data: Record<string, unknown> | null;
  created_at: string;
  description: string | null;
  error: string | null;
  id: string;
  name: string;
  next_attempt_at: string | null;
  number: number;
  outcome: string | null;
  permission: unknown;
  priority: number;
  retries: number;
  scheduled_at: string | null;
  starting_message: string | null;
  status: "pending" | "in_progress" | "completed" | "failed";
  to_number: string;
  updated_at: string;
  webhook_events: ("call_started" | "call_completed" | "call_failed")[];
  webhook_url: string | null;
}

export interface Token {
  expires_at: string;
  expires_in: number;
  token: string;
  token_type: "Bearer";
}

export interface Transcript {
  call_id: string;
  source: "live" | "elevenlabs" | "recording";
  status: "initiated" | "in_progress" | "completed" | "failed";
  transcript: (Entry)[];
}

export interface Transcription {
  createdAt: string;
  id: number;
  providerId: string | null;
  providerName: string | null;
  recordingId: number | null;
  tenantId: string;
  text: string;
  updatedAt: string;
  url: string;
}

export interface Trunk {
  allowed_networks: (string)[];
  caller_id: string | null;
  codecs: (string)[];
  created_at: string;
  error: string | null;
  host: string;
  id: string;
  name: string;
  number: number;
  outbound: boolean;
  password_set: boolean;
  port: number | null;
  realm: string | null;
  register: boolean;
  registered: boolean | null;
  transport: "udp" | "tcp" | "tls";
  up: boolean | null;
  updated_at: string;
  username: string | null;
}

export interface Turn {
  counts: Record<string, number> | null;
  duration_ms: number;
  error: string | null;
  heard: string | null;
  interrupted: boolean;
  knowledge?: Lookup;
  latency: Record<string, number> | null;
  n: number;
  offset_ms: number | null;
  remembered?: (string)[];
  said: string | null;
  text: string | null;
  why: string;
}

export interface Uploaded {
  added: number;
  campaign_id: string;
  denied: number;
  duplicates: number;
  invalid: number;
  problems: (Problem)[];
  rows: number;
}

export interface User {
  created_at: string;
  email: string;
  id: string;
  name: string | null;
  number: number;
  role: "owner" | "admin" | "member";
}

export interface UserRemoved {
  deleted: boolean;
  id: string;
  keys_revoked: number;
}

export interface Verification {
  id: string;
  vendor: string;
  verdict: "works" | "refused";
  verified_at: string;
  works: boolean;
}

export interface Widget {
  calls_at_once?: number;
  calls_per_minute?: number;
  enabled: boolean;
  longest_seconds?: number;
  origins: (string)[];
}

export interface Window {
  days?: ("mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun")[];
  from: string;
  to: string;
}

export interface Work {
  beginsAt: string | null;
  callId: string | null;
  callTaskId: string | null;
  conversationId: string | null;
  failure: string | null;
  messageId: string | null;
  outcome: string | null;
  state: "waiting" | "calling" | "writing" | "done" | "failed";
}

/** What operations answer with: in the envelope's data, where there is one. */
export interface Answers {
  "GET /agents": (Agent)[];
  "POST /agents": Agent;
  "GET /agents/schema": Record<string, unknown>;
  "DELETE /agents/{id}": Deleted;
  "GET /agents/{id}": Agent;
  "PATCH /agents/{id}": Agent;
  "POST /agents/{id}/default": Agent;
  "GET /agents/{id}/knowledge": (AgentDocument)[];
  "POST /agents/{id}/knowledge": AgentDocument;
  "POST /agents/{id}/knowledge/search": Found;
  "DELETE /agents/{id}/knowledge/{document}": Deleted;
  "GET /agents/{id}/knowledge/{document}": AgentDocument;
  "POST /agents/{id}/try": TalkToken;
  "GET /agents/{id}/versions": (Agent)[];
  "GET /agents/{id}/versions/{version}": Agent;
  "POST /agents/{id}/versions/{version}/restore": Agent;
  "GET /api-keys": (APIKey)[];
  "POST /api-keys": NewAPIKey;
  "DELETE /api-keys/{id}": APIKey;
  "GET /api-keys/{id}": APIKey;
  "POST /api-keys/{id}/regenerate": NewAPIKey;
  "POST /auth/accept-invite": LoggedIn;
  "POST /auth/login": LoggedIn;
  "POST /auth/logout": LoggedOut;
  "POST /auth/password": PasswordChanged;
  "GET /auth/session": LoggedIn;
  "GET /auth/sessions": (SessionRow)[];
  "DELETE /auth/sessions/{id}": SessionEnded;
  "POST /auth/switch": LoggedIn;
  "POST /auth/token": Token;
  "GET /bots": (Bot)[];
  "POST /bots": Bot;
  "DELETE /bots/{id}": DeletedBot;
  "GET /bots/{id}": Bot;
  "PUT /bots/{id}": Bot;
  "GET /bots/{id}/channel": Channel;
  "POST /bots/{id}/deploy/verify": Deployment;
  "POST /bots/{id}/toggle": Bot;
  "GET /calls": (Call)[];
  "GET /calls/{id}": CallDetail;
  "POST /calls/{id}/cancel": Done;
  "POST /calls/{id}/commands": Done;
  "POST /calls/{id}/end": Done;
  "POST /calls/{id}/listen": ListenToken;
  "GET /calls/{id}/live": LiveInfo;
  "GET /calls/{id}/recording": Recording;
  "GET /calls/{id}/report": CallReport;
  "POST /calls/{id}/take-back": Done;
  "GET /calls/{id}/transcript": Transcript;
  "POST /calls/{id}/transcript": Retold;
  "POST /calls/{id}/transfer": Done;
  "GET /campaigns": (Campaign)[];
  "POST /campaigns": Campaign;
  "GET /campaigns/{id}": Campaign;
  "PATCH /campaigns/{id}": Campaign;
  "POST /campaigns/{id}/cancel": Campaign;
  "POST /campaigns/{id}/contacts": Uploaded;
  "POST /campaigns/{id}/pause": Campaign;
  "GET /campaigns/{id}/progress": Progress;
  "POST /campaigns/{id}/resume": Campaign;
  "POST /campaigns/{id}/start": Campaign;
  "GET /campaigns/{id}/tasks": (Task)[];
  "GET /conversations": (Conversation)[];
  "GET /conversations/{id}": Conversation;
  "POST /conversations/{id}/ai-draft": Draft;
  "POST /conversations/{id}/autoreply": Conversation;
  "GET /conversations/{id}/messages": (Message)[];
  "POST /conversations/{id}/messages": Message;
  "PUT /conversations/{id}/status": Conversation;
  "GET /credentials": (Credential)[];
  "POST /credentials": Credential;
  "DELETE /credentials/{id}": Gone;
  "GET /credentials/{id}": Credential;
  "PATCH /credentials/{id}": Credential;
  "POST /credentials/{id}/verify": Verification;
  "GET /dialing": DialRules;
  "PUT /dialing": DialRules;
  "GET /do-not-call": (Barred)[];
  "POST /do-not-call": Barred;
  "DELETE /do-not-call/{id}": Deleted;
  "GET /extensions": (Extension)[];
  "POST /extensions": NewExtension;
  "DELETE /extensions/{id}": Gone;
  "GET /extensions/{id}": Extension;
  "PATCH /extensions/{id}": Extension;
  "POST /extensions/{id}/password": NewExtension;
  "POST /media": File;
  "GET /media/{id}": File;
  "GET /numbers": (Number)[];
  "POST /numbers": Number;
  "DELETE /numbers/{id}": Gone;
  "GET /numbers/{id}": Number;
  "PATCH /numbers/{id}": Number;
  "GET /organizations": (Organization)[];
  "POST /organizations": Organization;
  "GET /organizations/{id}": Organization;
  "PATCH /organizations/{id}": Organization;
  "GET /providers": (Provider)[];
  "GET /tasks": (Task)[];
  "POST /tasks": Task;
  "DELETE /tasks/{id}": Deleted;
  "GET /tasks/{id}": TaskDetail;
  "PATCH /tasks/{id}": Task;
  "POST /tasks/{id}/execute": Executed;
  "POST /tasks/{id}/reset": Task;
  "GET /trunks": (Trunk)[];
  "POST /trunks": Trunk;
  "DELETE /trunks/{id}": Gone;
  "GET /trunks/{id}": Trunk;
  "PATCH /trunks/{id}": Trunk;
  "GET /users": (User)[];
  "POST /users/invite": Invited;
  "DELETE /users/{id}": UserRemoved;
  "GET /users/{id}": User;
  "PATCH /users/{id}": User;
  "GET /webhooks/deliveries": (Delivery)[];
  "GET /webhooks/deliveries/{id}": DeliveryDetail;
  "POST /webhooks/deliveries/{id}/replay": Delivery;
  "POST /webhooks/secret": HookSecret;
  "GET /webhooks/settings": HookSettings;
  "PUT /webhooks/settings": HookSettings;
  "POST /webhooks/test": Delivery;
  "POST /webrtc/tokens": TalkToken;
  "POST /widget/tokens": TalkToken;
  "POST /crm/agent-calls": PhoneCall;
  "POST /crm/calls": PhoneCall;
  "POST /crm/calls/agent": PhoneCall;
  "POST /crm/calls/bridge": PhoneCall;
  "GET /crm/calls/{id}": PhoneCall;
  "GET /crm/calls/{id}/recording": CallRecording;
  "GET /crm/calls/{id}/transcription": Transcription;
  "GET /crm/contacts": PageContact;
  "POST /crm/contacts": Contact;
  "POST /crm/contacts/search": PageFoundContact;
  "DELETE /crm/contacts/{id}": Contact;
  "GET /crm/contacts/{id}": Contact;
  "PUT /crm/contacts/{id}": Contact;
  "POST /crm/conversations": FunnelConversation;
  "POST /crm/conversations/bulk": BulkResult;
  "PUT /crm/conversations/bulk": BulkResult;
  "GET /crm/custom-fields": PageCustomField;
  "POST /crm/custom-fields": CustomField;
  "DELETE /crm/custom-fields/{id}": CustomField;
  "GET /crm/custom-fields/{id}": CustomField;
  "PUT /crm/custom-fields/{id}": CustomField;
  "GET /crm/custom-fields/{id}/options": PageFieldOption;
  "POST /crm/custom-fields/{id}/options": FieldOption;
  "DELETE /crm/custom-fields/{id}/options/{option}": FieldOption;
  "GET /crm/custom-fields/{id}/options/{option}": FieldOption;
  "PUT /crm/custom-fields/{id}/options/{option}": FieldOption;
  "POST /crm/messages/whatsapp": ChannelMessage;
  "POST /crm/messages/whatsapp/media": Media;
  "POST /crm/messages/whatsapp/template": ChannelMessage;
  "GET /crm/messages/{id}": ChannelMessage;
  "POST /crm/recordings/load": CallRecording;
  "GET /crm/recordings/{id}": CallRecording;
  "GET /crm/tasks": PageAssignment;
  "POST /crm/tasks": Assignment;
  "DELETE /crm/tasks/{id}": Assignment;
  "GET /crm/tasks/{id}": Assignment;
  "PUT /crm/tasks/{id}": Assignment;
}

/** What keys may be allowed. */
export const scopes = ["*","agents:read","agents:write","calls:read","calls:write","tasks:read","tasks:write","dialing:read","dialing:write","campaigns:read","campaigns:write","bots:read","bots:write","conversations:read","conversations:write","contacts:read","contacts:write","custom_fields:read","custom_fields:write","webhooks:read","webhooks:write","credentials:read","credentials:write","numbers:read","numbers:write","trunks:read","trunks:write"] as const;

/** What requests take: JSON Schemas, without what is deeper than a form goes. */
export const forms = {
  APIKeyCreate: {"type":"object","properties":{"expires_at":{"type":["string","null"],"format":"date-time","description":"When it stops working. None given: when it is revoked."},"name":{"type":"string","description":"What it is for: not blank.","examples":["CRM integration"],"minLength":1,"maxLength":200},"prefix":{"type":"string","enum":["va_","cm_"],"description":"How it begins. It tells people what a key is for: every key works on every part of the API that its scopes allow.","default":"va_"},"scopes":{"type":["array","null"],"description":"What it may do, such as agents:read; never more than its maker's role. None given: everything (*).","items":{"type":"string"}}},"required":["name"]},
  Acceptance: {"type":"object","properties":{"name":{"type":"string","description":"Of a new user, how they want to be called.","examples":["Ada Lovelace"],"maxLength":200},"password":{"type":"string","description":"Of a new user: 12 characters or more, and not one of those that everybody tries first. Of one that there is: theirs.","minLength":1,"maxLength":512},"token":{"type":"string","description":"What stands behind the # of the link.","minLength":1,"maxLength":200}},"required":["token","password"]},
  AgentCall: {"type":"object","properties":{"constraints":{"type":["array","null"],"description":"What the agent keeps to.","items":{"type":"string"}},"contactInfo":{"type":"object","properties":{"additionalInfo":{"type":"object","description":"What else is known of them, by name."},"company":{"type":"string","maxLength":200},"firstName":{"type":"string","examples":["Pedro"],"maxLength":200},"lastName":{"type":"string","examples":["Gomez"],"maxLength":200}}},"customData":{"type":"object","description":"Kept with the call, and given back."},"fromPhoneNumber":{"type":"string","description":"One of the organisation's own numbers; left out: the one that it calls from.","examples":["+442071234567"],"maxLength":20},"knowledgeBase":{"type":"string","description":"What the agent knows.","maxLength":50000},"localization":{"type":"string","enum":["CL","MX","CO","PE","US"],"description":"Where whom it calls lives: the language that is heard and spoken, and how numbers, money and dates are said. Left out: the server's language.","examples":["CL"]},"maxDurationSeconds":{"type":"number","format":"double","description":"After which the call ends; less than 1 counts as 1.","maximum":86400},"objectives":{"type":["array","null"],"description":"What the call is for.","items":{"type":"string"}},"personality":{"type":"object","properties":{"communicationStyle":{"type":"string","description":"How it speaks.","examples":["professional"],"maxLength":200},"customTraits":{"type":"string","description":"What else it is like.","maxLength":5000},"name":{"type":"string","description":"As whom it introduces itself.","examples":["Camila"],"maxLength":200}}},"provider":{"type":"string","enum":["vapi"],"description":"Whatever it says, Parley holds the call itself."},"providerConfig":{"type":"object","properties":{"model":{"type":"object","properties":{"maxTokens":{"type":"number","format":"double","description":"Of one answer; less than 1: the endpoint's default.","examples":[250],"minimum":0,"maximum":32768},"model":{"type":"object","properties":{"model":{"type":"string","examples":["gpt-4o"],"maxLength":100},"provider":{"type":"string","examples":["openai"],"maxLength":100}}},"temperature":{"type":"number","format":"double","examples":[0.4],"minimum":0,"maximum":2}}},"transcriber":{"type":"object","properties":{"confidenceThreshold":{"type":"number","format":"double","description":"What is heard with less confidence counts as not understood.","examples":[0.4],"minimum":0,"maximum":1},"keywords":{"type":["array","null"],"description":"Words and names to expect.","items":{"type":"string"}},"localization":{"type":"string","enum":["CL","MX","CO","PE","US"],"description":"What is heard, if that is not the call's localization."},"model":{"type":"string","examples":["nova-3"],"maxLength":100},"provider":{"type":"string","examples":["deepgram"],"maxLength":100}}},"voice":{"type":"object","properties":{"model":{"type":"string","examples":["eleven_flash_v2_5"],"maxLength":100},"optimizeStreamingLatency":{"type":"number","format":"double","description":"Sound is sent as soon as there is any, always; 4 also keeps numbers and dates from being written out first.","examples":[3],"minimum":0,"maximum":4},"provider":{"type":"string","examples":["11labs"],"maxLength":100},"speed":{"type":"number","format":"double","description":"1 is the voice's own pace; brought into 0.7 to 1.2.","examples":[1],"minimum":0,"maximum":4},"stability":{"type":"number","format":"double","examples":[0.5],"minimum":0,"maximum":1},"style":{"type":"number","format":"double","examples":[0],"minimum":0,"maximum":1},"voiceId":{"type":"string","examples":["21m00Tcm4TlvDq8ikWAM"],"maxLength":100}}}}},"silenceTimeoutSeconds":{"type":"number","format":"double","description":"Of silence, after which the agent says goodbye; less than 1 counts as 1.","maximum":600},"taskSteps":{"type":["array","null"],"description":"How it goes about it, in order.","items":{"type":"string"}},"toPhoneNumber":{"type":"string","description":"Who is called: a number in E.164.","examples":["+1234567890"],"minLength":1,"maxLength":20},"userId":{"type":"number","format":"double","description":"The number of the user whose call it is."}},"required":["toPhoneNumber","objectives"]},
  AgentCreate: {"type":"object","properties":{"description":{"type":["string","null"],"description":"Agent description.","maxLength":2000},"dtmf_rules":{"type":["object","null"],"description":"What keys do, before the agent itself is asked: see docs/dtmf.md. The rules are a list, or, in short, stand here under their keys: {\"1\": {\"say\": \"...\"}}. At most 64 KiB. PATCH replaces it as a whole.","properties":{"key_gap":{"type":"string","description":"Where more keys may make another entry, the next one is waited for so long, 200ms to 30s; 2s if it is not there."},"otherwise":{"type":"object","description":"What is done about keys that no rule fits and nobody asked for; else they are told to the agent.","properties":{"ask":{"type":"string","description":"The agent is asked to answer, and told this about the keys, as in: The caller pressed 2: they want billing.","maxLength":2000},"attended":{"type":"string","description":"Like bridge, but when they have answered the carrier connects the two, where it can, and the call ends.","examples":["+442071234567"]},"barge_in":{"type":"boolean","description":"Whether the caller's voice interrupts what is said; keys always do. True if it is not there."},"bridge":{"type":"string","description":"This number in E.164, or sip: address, is called and joined with the caller; the agent goes on if nobody answers.","examples":["+442071234567"]},"gather":{"type":"object","description":"The caller is asked for digits.","properties":{"give_up":{"type":"object","description":"What is done when there was no right entry; if it is not there, the agent is told so and answers."},"invalid":{"type":"string","description":"What is said after a wrong entry, before the question.","maxLength":2000},"key_gap":{"type":"string","description":"The entry ends when no key follows for so long, 200ms to 30s; 3s if it is not there (the agent's manners)."},"length":{"type":"integer","description":"How many digits; or else min and max.","minimum":1,"maximum":64},"masked":{"type":"boolean","description":"The entry is a secret, such as a card number or a PIN: it is not told to the model and not kept; the record has *** for it."},"max":{"type":"integer","description":"The most.","minimum":1,"maximum":64},"min":{"type":"integer","description":"The least; 1 if it is not there.","minimum":1,"maximum":64},"patience":{"type":"string","description":"Silence before the question is put again, 1s to 10m; 8s if it is not there (the agent's manners)."},"prompt":{"type":"string","description":"The question. It is put again after silence and after a wrong entry.","maxLength":2000},"slot":{"type":"string","description":"What the entry is called in the call's record (collected), for the model, and as {{slot}} in texts."},"terminator":{"enum":["#","*"],"description":"The key that ends the entry, however long it is: one that is too long is noticed, then. If it is not there, the last digit ends it, or # before that."},"then":{"type":"object","description":"What is done with the entry; if it is not there, the agent is told it and answers."},"tries":{"type":"integer","description":"How often it is asked; 3 if it is not there. The silence that ends a call (the agent's manners) is counted besides.","minimum":1,"maximum":20}},"required":["prompt","slot"]},"goto":{"type":"string","description":"The flow goes on at this node. An agent without a flow, or without that node, is told the keys."},"hang_up":{"description":"The call ends, after these words, or with true without any."},"press":{"type":"string","description":"These keys are sent to the far end: 0-9 * # A-D, and pauses: w for half a second, W or p for a second.","examples":["1w2#"],"maxLength":64},"say":{"type":"string","description":"What is said, first. {{name}} stands for a slot that was gathered, or for what is known of the call, and {{name|friend}} for friend where that is not known.","maxLength":2000},"transfer":{"type":"string","description":"The caller is connected to this number in E.164, or to a sip: address.","examples":["+442071234567"]}}},"rules":{"type":"array","description":"The rules, in any order.","items":{"type":"object","description":"Keys, and what they do: one of ask, gather, goto, transfer, bridge, press and hang_up, or nothing but say.","properties":{"always":{"type":"boolean","description":"Also while the caller is asked for an entry. Its keys begin with *. False if it is not there."},"ask":{"type":"string","maxLength":2000},"attended":{"type":"string","examples":["+442071234567"]},"barge_in":{"type":"boolean"},"bridge":{"type":"string","examples":["+442071234567"]},"gather":{"type":"object","description":"A question that is answered with digits."},"goto":{"type":"string","description":"Small letters, digits and _."},"hang_up":{},"keys":{"type":"string","description":"The entries that it is for: keys as they are (0-9 * # A-D), X for any digit, [2-5*] for one of several, and behind any of them {3} for three, behind the last also {1,4} for one to four. At most 32 keys. Where two rules fit, the one with fewer entries counts.","examples":["1"],"minLength":1},"press":{"type":"string","examples":["1w2#"],"maxLength":64},"say":{"type":"string","maxLength":2000},"transfer":{"type":"string","examples":["+442071234567"]}},"required":["keys"]}}}},"enabled":{"type":["boolean","null"],"description":"Whether the agent is enabled.","default":true},"name":{"type":"string","description":"Agent name: not blank.","minLength":1,"maxLength":200},"settings":{"type":["object","null"],"description":"What the agent sets besides its words; what is left out is the server's own. At most 256 KiB. PATCH replaces each part that is given as a whole, and null clears it. GET /agents/schema has the whole schema. Extension.","properties":{"flow":{"type":["object","null"],"description":"A scripted dialog, by value: as docs/flows.md. It answers the agent's calls, unless providers.llm.vendor says otherwise."},"languages":{"type":["object","null"],"description":"What is heard, and what is spoken.","properties":{"listening":{"type":"string","description":"What callers speak, a BCP 47 tag. Left out: the server's PARLEY_LANG.","examples":["en-GB"],"maxLength":35},"speaking":{"type":"string","description":"What the agent speaks; voice_settings.language comes before it. Left out: as listening.","examples":["en-GB"],"maxLength":35}}},"manners":{"type":["object","null"],"description":"How the agent behaves: docs/manners.yaml tells of each setting. Times have units (500ms, 2s), never switches off. What is left out is the server's own.","properties":{"answering":{"type":"object","properties":{"beep_wait":{"type":"string","default":"3s"},"greeting":{"type":"string","default":"2.5s"},"hang_up_menu":{"type":"boolean","default":false},"longest":{"type":"string","default":"20s"},"message":{"type":"string","default":""},"nobody":{"type":"string","default":"12s"},"on":{"type":"boolean","default":false},"screening":{"type":"string","default":""},"screening_wait":{"type":"string","default":"45s"},"wait":{"type":"string","default":"4s"}}},"audio_limit":{"type":"string","default":"5s"},"barge_in":{"type":"string","default":"300ms"},"barge_in_words":{"default":1},"cut_off":{"type":"string","default":"Sorry, we were cut off for a moment. I am back. Where were we?"},"false_alarm":{"type":"string","default":"500ms"},"faults":{"type":"object","properties":{"most":{"default":3},"say":{"type":"string","default":"I am sorry, there is a technical problem on my side. Please call again later. Goodbye."}}},"filler":{"type":"object","properties":{"after":{"type":"string","default":"1.5s"},"most":{"default":3},"say":{"type":"array","default":[],"items":{"type":"string"}}}},"goodbye":{"type":"string","default":"I cannot hear you, so I will hang up now. Goodbye."},"guess":{"type":"string","default":"150ms"},"hangover":{"type":"string","default":"500ms"},"interrupt":{"type":"object","properties":{"always":{"type":"array","default":["stop","wait","hold on","hang on","one moment","one second","just a moment","just a second","excuse me","sorry","shut up","be quiet","never mind","nevermind","cancel that","cancel it","i have a question","let me speak","let me talk","listen to me"],"items":{"type":"string"}},"greeting":{"type":"object"},"never":{"type":"array","default":["mhm","uh huh","uhhuh","uhhu","uh","um","er","ah","aha","huh","oh","ooh","wow","mkay","okay","ok","yeah","yep","yup","yes","ya","right","all right","alright","sure","correct","true","exactly","absolutely","definitely","good","very good","great","nice","very nice","cool","fine","perfect","excellent","wonderful","lovely","awesome","amazing","i see","i know","i understand","understood","got it","gotcha","of course","that's right","that's true","that's good","makes sense","sounds good","fair enough","really","interesting"],"items":{"type":"string"}},"no_echo":{"type":"boolean","default":false},"reading":{"type":"object"},"tool":{"type":"object"}}},"key_gap":{"type":"string","default":"3s"},"ladder":{"type":"array","default":[],"items":{"type":"object"}},"max_length":{"type":"string","default":"1h"},"monologue":{"type":"object","properties":{"after":{"type":"string","default":"1m"},"say":{"type":"string","default":""},"words":{"default":200}}},"notice":{"type":"object","properties":{"before":{"type":"string","default":"30s"},"say":{"type":"string","default":"We will have to end this call soon."}}},"on_hold":{"type":"object","properties":{"goodbye":{"type":"string","default":""},"longest":{"type":"string","default":"5m"},"noticed":{"type":"string","default":"30s"}}},"patience":{"type":"object","properties":{"entity":{"type":"string","default":"3s"},"fixed":{"type":"boolean","default":false},"least":{"type":"string","default":"350ms"},"most":{"type":"string","default":"2s"}}},"reprompts":{"default":2},"silence":{"type":"string","default":"8s"},"sorry":{"type":"string","default":"Sorry, something went wrong on my side. Could you say that again?"},"token_limit":{"type":"string","default":"8s"},"too_long":{"type":"string","default":"We have reached the longest time that a call may take. Goodbye."},"tool_limit":{"type":"string","default":"15s"},"tool_steps":{"default":5},"transcript_limit":{"type":"string","default":"4s"}}},"memory":{"type":["object","null"],"description":"Whether it knows what was said with somebody before, by whichever channel. Left out: as the organisation says; it never has more than that.","properties":{"channels":{"type":"array","description":"Of which channels; left out: all.","items":{"type":"string","enum":["voice","whatsapp"]}},"conversations":{"type":"integer","format":"int64","description":"How many, the latest first.","default":3,"minimum":1,"maximum":10},"days":{"type":"integer","format":"int64","description":"How far back, in days.","default":30,"minimum":1,"maximum":365},"enabled":{"type":"boolean","description":"Whether earlier conversations are remembered. Of an agent: false is off whatever the organisation says, and true is what the organisation allows."},"messages":{"type":"integer","format":"int64","description":"How many of the last messages of a conversation that has no summary.","default":20,"minimum":1,"maximum":50},"time_zone":{"type":"string","description":"By which their dates are told where the number of the other end does not say, by its IANA name; left out: UTC.","examples":["Europe/London"],"maxLength":64}},"required":["enabled"]},"providers":{"type":["object","null"],"description":"Who hears, thinks and speaks. A vendor that this server has no key of is refused.","properties":{"llm":{"type":"object","description":"Who answers.","properties":{"max_tokens":{"type":"integer","format":"int64","description":"Of one answer, in tokens. Left out: the endpoint's default.","minimum":16,"maximum":32768},"model":{"type":"string","description":"By the endpoint's name; left out: the server's.","examples":["gpt-4.1-mini"],"minLength":1,"maxLength":100},"reasoning_effort":{"type":"string","enum":["none","minimal","low","medium","high"],"description":"For models that think first. Left out: the endpoint's default."},"temperature":{"type":"number","format":"double","description":"Left out: the endpoint's default.","minimum":0,"maximum":2},"vendor":{"type":"string","enum":["auto","flow","openai","anthropic","gemini","openai-realtime","gemini-live"],"description":"auto: the server's own, or flow where settings.flow is set. flow: settings.flow, or the server's script; openai: the server's OpenAI-compatible endpoint; anthropic, gemini: those vendors; openai-realtime, gemini-live: models that hear and speak themselves (docs/speech-to-speech.md).","default":"auto"},"voice":{"type":"string","description":"Of openai-realtime and gemini-live: the model's own voice; left out: the server's. Other models have none.","examples":["marin"],"minLength":1,"maxLength":100}}},"stt":{"type":"object","description":"The recogniser.","properties":{"confidence":{"type":"number","format":"double","description":"What is heard with less confidence than this counts as not understood, where the vendor tells its confidence in words.","examples":[0.5],"minimum":0,"maximum":1},"keywords":{"type":["array","null"],"description":"Words and names to expect, for vendors that can be told: deepgram, elevenlabs, assemblyai, cartesia.","examples":[["Parley"]],"items":{"type":"string"}},"model":{"type":"string","description":"By the vendor's name; left out: the server's, or the vendor's usual one. The local vendor has the one that the server loaded.","examples":["nova-3"],"minLength":1,"maxLength":100},"vendor":{"type":"string","enum":["auto","local","openai","deepgram","elevenlabs","11labs","cartesia","assemblyai","vosk","wyoming"],"description":"auto: the server's own.","default":"auto"}}},"tts":{"type":"object","description":"The voice's vendor; which of its voices speaks is voice_settings.voice.","properties":{"model":{"type":"string","description":"By the vendor's name; left out: the server's, or the vendor's usual one. The local vendor has none; to deepgram it is the voice.","examples":["eleven_flash_v2_5"],"minLength":1,"maxLength":100},"vendor":{"type":"string","enum":["auto","local","openai","deepgram","elevenlabs","11labs","cartesia","rime","azure","wyoming"],"description":"auto: the server's own. 11labs is another name of elevenlabs.","default":"auto"},"verbatim":{"type":"boolean","description":"Numbers and dates are not written out before they are spoken: quicker, and they may come out wrong. Of elevenlabs."}}}}},"recording":{"type":["object","null"],"description":"Whether calls are recorded.","properties":{"enabled":{"type":"boolean","description":"Left out: the server's PARLEY_RECORD."}}},"relay":{"type":["object","null"],"description":"An app of one's own that answers in place of a model, by a WebSocket shaped like Twilio's ConversationRelay (docs/relay.md).","properties":{"dtmf_detection":{"type":"boolean","description":"Whether the app is told of keys. Left out: it is."},"hand_over":{"type":"string","description":"Name of the agent that takes over when the app sends end. Left out: the call ends.","examples":["Front desk"],"maxLength":200},"interrupt_sensitivity":{"type":"string","enum":["low","medium","high"],"description":"How readily speech interrupts. Left out: as manners say."},"interruptible":{"type":"string","enum":["none","dtmf","speech","any"],"description":"What interrupts the app's words, unless their message says it.","default":"any"},"languages":{"type":"array","description":"That the app may have spoken. Left out: the agent's alone.","items":{"type":"object"}},"parameters":{"type":"object","description":"Told to the app as customParameters. {{from}}, {{to}} and a task's variables have their places."},"partial_prompts":{"type":"boolean","description":"Whether the app is told the caller's words while they speak, with last false."},"preemptible":{"type":"boolean","description":"Whether what the app says next takes the place of what is being heard, unless its message says it."},"secret":{"type":"string","description":"Name of a custom credential whose base_url names the app's server: the handshake is signed with it, in X-Twilio-Signature. Left out: it is not signed.","examples":["RELAY_TOKEN"],"minLength":1,"maxLength":100},"url":{"type":"string","description":"Of the app's socket: wss, on the public internet, unless the operator of the server allows its host.","examples":["wss://app.example.com/relay"],"minLength":1,"maxLength":2048},"welcome_greeting_interruptible":{"type":"string","enum":["none","dtmf","speech","any"],"description":"What interrupts starting_message.","default":"any"}},"required":["url"]},"report":{"type":["array","null"],"description":"What the report of a call is to find out, value by value.","items":{"type":"object","properties":{"description":{"type":"string","description":"For the model: what to look for.","examples":["The order that the caller asked about."],"maxLength":1000},"name":{"type":"string","description":"Of the value in the report.","examples":["order_number"],"minLength":1,"maxLength":64},"type":{"type":"string","enum":["string","number","integer","boolean","date"],"description":"A date is written 2026-11-27."}},"required":["name","type"]}},"tools":{"type":["object","null"],"description":"What the model can do besides talking: as docs/tools.md, in place of the server's own. Secrets are named, ${secret:NAME}, by a custom credential that has a base_url, and never stand here."},"widget":{"type":["object","null"],"description":"Lets any page of some origins call the agent, by the talk button. Left out: none may without a server of its own that gives it a token.","properties":{"calls_at_once":{"type":"integer","format":"int64","description":"Calls that may go on at once, on each node.","default":5,"minimum":1,"maximum":1000},"calls_per_minute":{"type":"integer","format":"int64","description":"Calls that may begin in a minute, over all nodes.","default":10,"minimum":1,"maximum":600},"enabled":{"type":"boolean","description":"Whether they may."},"longest_seconds":{"type":"integer","format":"int64","description":"After how long such a call ends; manners.max_length ends it sooner.","default":600,"minimum":10,"maximum":7200},"origins":{"type":"array","description":"Of the pages that may, as browsers tell them: scheme and host, and a port where there is one.","examples":[["https://shop.example.com"]],"items":{"type":"string"}}},"required":["enabled","origins"]}}},"starting_message":{"type":["string","null"],"description":"Initial message to start conversations.","maxLength":5000},"system_prompt":{"type":"string","description":"System prompt for the agent: not blank.","minLength":1,"maxLength":100000},"voice_settings":{"type":["object","null"],"description":"The voice, in ElevenLabs' words. PATCH replaces it as a whole.","properties":{"language":{"type":["string","null"],"description":"The language it speaks, a BCP 47 tag. Extension.","maxLength":35},"similarity_boost":{"type":["number","null"],"format":"double","description":"How closely it keeps to the original voice.","examples":[0.75],"minimum":0,"maximum":1},"speed":{"type":["number","null"],"format":"double","description":"1 is the voice's own pace.","minimum":0.7,"maximum":1.2},"stability":{"type":["number","null"],"format":"double","description":"How steady the voice is; lower is livelier.","examples":[0.5],"minimum":0,"maximum":1},"style":{"type":["number","null"],"format":"double","description":"How much of the original's style is exaggerated.","minimum":0,"maximum":1},"use_speaker_boost":{"type":["boolean","null"],"description":"More likeness to the original speaker, at some cost in speed."},"voice":{"type":["string","null"],"description":"The voice, by its vendor's name or id. Extension.","minLength":1,"maxLength":100}}}},"required":["name","system_prompt"]},
  AgentPatch: {"type":"object","properties":{"description":{"type":["string","null"],"description":"Agent description.","maxLength":2000},"dtmf_rules":{"type":["object","null"],"description":"What keys do, before the agent itself is asked: see docs/dtmf.md. The rules are a list, or, in short, stand here under their keys: {\"1\": {\"say\": \"...\"}}. At most 64 KiB. PATCH replaces it as a whole.","properties":{"key_gap":{"type":"string","description":"Where more keys may make another entry, the next one is waited for so long, 200ms to 30s; 2s if it is not there."},"otherwise":{"type":"object","description":"What is done about keys that no rule fits and nobody asked for; else they are told to the agent.","properties":{"ask":{"type":"string","description":"The agent is asked to answer, and told this about the keys, as in: The caller pressed 2: they want billing.","maxLength":2000},"attended":{"type":"string","description":"Like bridge, but when they have answered the carrier connects the two, where it can, and the call ends.","examples":["+442071234567"]},"barge_in":{"type":"boolean","description":"Whether the caller's voice interrupts what is said; keys always do. True if it is not there."},"bridge":{"type":"string","description":"This number in E.164, or sip: address, is called and joined with the caller; the agent goes on if nobody answers.","examples":["+442071234567"]},"gather":{"type":"object","description":"The caller is asked for digits.","properties":{"give_up":{"type":"object","description":"What is done when there was no right entry; if it is not there, the agent is told so and answers."},"invalid":{"type":"string","description":"What is said after a wrong entry, before the question.","maxLength":2000},"key_gap":{"type":"string","description":"The entry ends when no key follows for so long, 200ms to 30s; 3s if it is not there (the agent's manners)."},"length":{"type":"integer","description":"How many digits; or else min and max.","minimum":1,"maximum":64},"masked":{"type":"boolean","description":"The entry is a secret, such as a card number or a PIN: it is not told to the model and not kept; the record has *** for it."},"max":{"type":"integer","description":"The most.","minimum":1,"maximum":64},"min":{"type":"integer","description":"The least; 1 if it is not there.","minimum":1,"maximum":64},"patience":{"type":"string","description":"Silence before the question is put again, 1s to 10m; 8s if it is not there (the agent's manners)."},"prompt":{"type":"string","description":"The question. It is put again after silence and after a wrong entry.","maxLength":2000},"slot":{"type":"string","description":"What the entry is called in the call's record (collected), for the model, and as {{slot}} in texts."},"terminator":{"enum":["#","*"],"description":"The key that ends the entry, however long it is: one that is too long is noticed, then. If it is not there, the last digit ends it, or # before that."},"then":{"type":"object","description":"What is done with the entry; if it is not there, the agent is told it and answers."},"tries":{"type":"integer","description":"How often it is asked; 3 if it is not there. The silence that ends a call (the agent's manners) is counted besides.","minimum":1,"maximum":20}},"required":["prompt","slot"]},"goto":{"type":"string","description":"The flow goes on at this node. An agent without a flow, or without that node, is told the keys."},"hang_up":{"description":"The call ends, after these words, or with true without any."},"press":{"type":"string","description":"These keys are sent to the far end: 0-9 * # A-D, and pauses: w for half a second, W or p for a second.","examples":["1w2#"],"maxLength":64},"say":{"type":"string","description":"What is said, first. {{name}} stands for a slot that was gathered, or for what is known of the call, and {{name|friend}} for friend where that is not known.","maxLength":2000},"transfer":{"type":"string","description":"The caller is connected to this number in E.164, or to a sip: address.","examples":["+442071234567"]}}},"rules":{"type":"array","description":"The rules, in any order.","items":{"type":"object","description":"Keys, and what they do: one of ask, gather, goto, transfer, bridge, press and hang_up, or nothing but say.","properties":{"always":{"type":"boolean","description":"Also while the caller is asked for an entry. Its keys begin with *. False if it is not there."},"ask":{"type":"string","maxLength":2000},"attended":{"type":"string","examples":["+442071234567"]},"barge_in":{"type":"boolean"},"bridge":{"type":"string","examples":["+442071234567"]},"gather":{"type":"object","description":"A question that is answered with digits."},"goto":{"type":"string","description":"Small letters, digits and _."},"hang_up":{},"keys":{"type":"string","description":"The entries that it is for: keys as they are (0-9 * # A-D), X for any digit, [2-5*] for one of several, and behind any of them {3} for three, behind the last also {1,4} for one to four. At most 32 keys. Where two rules fit, the one with fewer entries counts.","examples":["1"],"minLength":1},"press":{"type":"string","examples":["1w2#"],"maxLength":64},"say":{"type":"string","maxLength":2000},"transfer":{"type":"string","examples":["+442071234567"]}},"required":["keys"]}}}},"enabled":{"type":"boolean","description":"Enable or disable."},"name":{"type":"string","description":"Agent name: not blank.","minLength":1,"maxLength":200},"settings":{"type":["object","null"],"description":"What the agent sets besides its words; what is left out is the server's own. At most 256 KiB. PATCH replaces each part that is given as a whole, and null clears it. GET /agents/schema has the whole schema. Extension.","properties":{"flow":{"type":["object","null"],"description":"A scripted dialog, by value: as docs/flows.md. It answers the agent's calls, unless providers.llm.vendor says otherwise."},"languages":{"type":["object","null"],"description":"What is heard, and what is spoken.","properties":{"listening":{"type":"string","description":"What callers speak, a BCP 47 tag. Left out: the server's PARLEY_LANG.","examples":["en-GB"],"maxLength":35},"speaking":{"type":"string","description":"What the agent speaks; voice_settings.language comes before it. Left out: as listening.","examples":["en-GB"],"maxLength":35}}},"manners":{"type":["object","null"],"description":"How the agent behaves: docs/manners.yaml tells of each setting. Times have units (500ms, 2s), never switches off. What is left out is the server's own.","properties":{"answering":{"type":"object","properties":{"beep_wait":{"type":"string","default":"3s"},"greeting":{"type":"string","default":"2.5s"},"hang_up_menu":{"type":"boolean","default":false},"longest":{"type":"string","default":"20s"},"message":{"type":"string","default":""},"nobody":{"type":"string","default":"12s"},"on":{"type":"boolean","default":false},"screening":{"type":"string","default":""},"screening_wait":{"type":"string","default":"45s"},"wait":{"type":"string","default":"4s"}}},"audio_limit":{"type":"string","default":"5s"},"barge_in":{"type":"string","default":"300ms"},"barge_in_words":{"default":1},"cut_off":{"type":"string","default":"Sorry, we were cut off for a moment. I am back. Where were we?"},"false_alarm":{"type":"string","default":"500ms"},"faults":{"type":"object","properties":{"most":{"default":3},"say":{"type":"string","default":"I am sorry, there is a technical problem on my side. Please call again later. Goodbye."}}},"filler":{"type":"object","properties":{"after":{"type":"string","default":"1.5s"},"most":{"default":3},"say":{"type":"array","default":[],"items":{"type":"string"}}}},"goodbye":{"type":"string","default":"I cannot hear you, so I will hang up now. Goodbye."},"guess":{"type":"string","default":"150ms"},"hangover":{"type":"string","default":"500ms"},"interrupt":{"type":"object","properties":{"always":{"type":"array","default":["stop","wait","hold on","hang on","one moment","one second","just a moment","just a second","excuse me","sorry","shut up","be quiet","never mind","nevermind","cancel that","cancel it","i have a question","let me speak","let me talk","listen to me"],"items":{"type":"string"}},"greeting":{"type":"object"},"never":{"type":"array","default":["mhm","uh huh","uhhuh","uhhu","uh","um","er","ah","aha","huh","oh","ooh","wow","mkay","okay","ok","yeah","yep","yup","yes","ya","right","all right","alright","sure","correct","true","exactly","absolutely","definitely","good","very good","great","nice","very nice","cool","fine","perfect","excellent","wonderful","lovely","awesome","amazing","i see","i know","i understand","understood","got it","gotcha","of course","that's right","that's true","that's good","makes sense","sounds good","fair enough","really","interesting"],"items":{"type":"string"}},"no_echo":{"type":"boolean","default":false},"reading":{"type":"object"},"tool":{"type":"object"}}},"key_gap":{"type":"string","default":"3s"},"ladder":{"type":"array","default":[],"items":{"type":"object"}},"max_length":{"type":"string","default":"1h"},"monologue":{"type":"object","properties":{"after":{"type":"string","default":"1m"},"say":{"type":"string","default":""},"words":{"default":200}}},"notice":{"type":"object","properties":{"before":{"type":"string","default":"30s"},"say":{"type":"string","default":"We will have to end this call soon."}}},"on_hold":{"type":"object","properties":{"goodbye":{"type":"string","default":""},"longest":{"type":"string","default":"5m"},"noticed":{"type":"string","default":"30s"}}},"patience":{"type":"object","properties":{"entity":{"type":"string","default":"3s"},"fixed":{"type":"boolean","default":false},"least":{"type":"string","default":"350ms"},"most":{"type":"string","default":"2s"}}},"reprompts":{"default":2},"silence":{"type":"string","default":"8s"},"sorry":{"type":"string","default":"Sorry, something went wrong on my side. Could you say that again?"},"token_limit":{"type":"string","default":"8s"},"too_long":{"type":"string","default":"We have reached the longest time that a call may take. Goodbye."},"tool_limit":{"type":"string","default":"15s"},"tool_steps":{"default":5},"transcript_limit":{"type":"string","default":"4s"}}},"memory":{"type":["object","null"],"description":"Whether it knows what was said with somebody before, by whichever channel. Left out: as the organisation says; it never has more than that.","properties":{"channels":{"type":"array","description":"Of which channels; left out: all.","items":{"type":"string","enum":["voice","whatsapp"]}},"conversations":{"type":"integer","format":"int64","description":"How many, the latest first.","default":3,"minimum":1,"maximum":10},"days":{"type":"integer","format":"int64","description":"How far back, in days.","default":30,"minimum":1,"maximum":365},"enabled":{"type":"boolean","description":"Whether earlier conversations are remembered. Of an agent: false is off whatever the organisation says, and true is what the organisation allows."},"messages":{"type":"integer","format":"int64","description":"How many of the last messages of a conversation that has no summary.","default":20,"minimum":1,"maximum":50},"time_zone":{"type":"string","description":"By which their dates are told where the number of the other end does not say, by its IANA name; left out: UTC.","examples":["Europe/London"],"maxLength":64}},"required":["enabled"]},"providers":{"type":["object","null"],"description":"Who hears, thinks and speaks. A vendor that this server has no key of is refused.","properties":{"llm":{"type":"object","description":"Who answers.","properties":{"max_tokens":{"type":"integer","format":"int64","description":"Of one answer, in tokens. Left out: the endpoint's default.","minimum":16,"maximum":32768},"model":{"type":"string","description":"By the endpoint's name; left out: the server's.","examples":["gpt-4.1-mini"],"minLength":1,"maxLength":100},"reasoning_effort":{"type":"string","enum":["none","minimal","low","medium","high"],"description":"For models that think first. Left out: the endpoint's default."},"temperature":{"type":"number","format":"double","description":"Left out: the endpoint's default.","minimum":0,"maximum":2},"vendor":{"type":"string","enum":["auto","flow","openai","anthropic","gemini","openai-realtime","gemini-live"],"description":"auto: the server's own, or flow where settings.flow is set. flow: settings.flow, or the server's script; openai: the server's OpenAI-compatible endpoint; anthropic, gemini: those vendors; openai-realtime, gemini-live: models that hear and speak themselves (docs/speech-to-speech.md).","default":"auto"},"voice":{"type":"string","description":"Of openai-realtime and gemini-live: the model's own voice; left out: the server's. Other models have none.","examples":["marin"],"minLength":1,"maxLength":100}}},"stt":{"type":"object","description":"The recogniser.","properties":{"confidence":{"type":"number","format":"double","description":"What is heard with less confidence than this counts as not understood, where the vendor tells its confidence in words.","examples":[0.5],"minimum":0,"maximum":1},"keywords":{"type":["array","null"],"description":"Words and names to expect, for vendors that can be told: deepgram, elevenlabs, assemblyai, cartesia.","examples":[["Parley"]],"items":{"type":"string"}},"model":{"type":"string","description":"By the vendor's name; left out: the server's, or the vendor's usual one. The local vendor has the one that the server loaded.","examples":["nova-3"],"minLength":1,"maxLength":100},"vendor":{"type":"string","enum":["auto","local","openai","deepgram","elevenlabs","11labs","cartesia","assemblyai","vosk","wyoming"],"description":"auto: the server's own.","default":"auto"}}},"tts":{"type":"object","description":"The voice's vendor; which of its voices speaks is voice_settings.voice.","properties":{"model":{"type":"string","description":"By the vendor's name; left out: the server's, or the vendor's usual one. The local vendor has none; to deepgram it is the voice.","examples":["eleven_flash_v2_5"],"minLength":1,"maxLength":100},"vendor":{"type":"string","enum":["auto","local","openai","deepgram","elevenlabs","11labs","cartesia","rime","azure","wyoming"],"description":"auto: the server's own. 11labs is another name of elevenlabs.","default":"auto"},"verbatim":{"type":"boolean","description":"Numbers and dates are not written out before they are spoken: quicker, and they may come out wrong. Of elevenlabs."}}}}},"recording":{"type":["object","null"],"description":"Whether calls are recorded.","properties":{"enabled":{"type":"boolean","description":"Left out: the server's PARLEY_RECORD."}}},"relay":{"type":["object","null"],"description":"An app of one's own that answers in place of a model, by a WebSocket shaped like Twilio's ConversationRelay (docs/relay.md).","properties":{"dtmf_detection":{"type":"boolean","description":"Whether the app is told of keys. Left out: it is."},"hand_over":{"type":"string","description":"Name of the agent that takes over when the app sends end. Left out: the call ends.","examples":["Front desk"],"maxLength":200},"interrupt_sensitivity":{"type":"string","enum":["low","medium","high"],"description":"How readily speech interrupts. Left out: as manners say."},"interruptible":{"type":"string","enum":["none","dtmf","speech","any"],"description":"What interrupts the app's words, unless their message says it.","default":"any"},"languages":{"type":"array","description":"That the app may have spoken. Left out: the agent's alone.","items":{"type":"object"}},"parameters":{"type":"object","description":"Told to the app as customParameters. {{from}}, {{to}} and a task's variables have their places."},"partial_prompts":{"type":"boolean","description":"Whether the app is told the caller's words while they speak, with last false."},"preemptible":{"type":"boolean","description":"Whether what the app says next takes the place of what is being heard, unless its message says it."},"secret":{"type":"string","description":"Name of a custom credential whose base_url names the app's server: the handshake is signed with it, in X-Twilio-Signature. Left out: it is not signed.","examples":["RELAY_TOKEN"],"minLength":1,"maxLength":100},"url":{"type":"string","description":"Of the app's socket: wss, on the public internet, unless the operator of the server allows its host.","examples":["wss://app.example.com/relay"],"minLength":1,"maxLength":2048},"welcome_greeting_interruptible":{"type":"string","enum":["none","dtmf","speech","any"],"description":"What interrupts starting_message.","default":"any"}},"required":["url"]},"report":{"type":["array","null"],"description":"What the report of a call is to find out, value by value.","items":{"type":"object","properties":{"description":{"type":"string","description":"For the model: what to look for.","examples":["The order that the caller asked about."],"maxLength":1000},"name":{"type":"string","description":"Of the value in the report.","examples":["order_number"],"minLength":1,"maxLength":64},"type":{"type":"string","enum":["string","number","integer","boolean","date"],"description":"A date is written 2026-11-27."}},"required":["name","type"]}},"tools":{"type":["object","null"],"description":"What the model can do besides talking: as docs/tools.md, in place of the server's own. Secrets are named, ${secret:NAME}, by a custom credential that has a base_url, and never stand here."},"widget":{"type":["object","null"],"description":"Lets any page of some origins call the agent, by the talk button. Left out: none may without a server of its own that gives it a token.","properties":{"calls_at_once":{"type":"integer","format":"int64","description":"Calls that may go on at once, on each node.","default":5,"minimum":1,"maximum":1000},"calls_per_minute":{"type":"integer","format":"int64","description":"Calls that may begin in a minute, over all nodes.","default":10,"minimum":1,"maximum":600},"enabled":{"type":"boolean","description":"Whether they may."},"longest_seconds":{"type":"integer","format":"int64","description":"After how long such a call ends; manners.max_length ends it sooner.","default":600,"minimum":10,"maximum":7200},"origins":{"type":"array","description":"Of the pages that may, as browsers tell them: scheme and host, and a port where there is one.","examples":[["https://shop.example.com"]],"items":{"type":"string"}}},"required":["enabled","origins"]}}},"starting_message":{"type":["string","null"],"description":"Initial message.","maxLength":5000},"system_prompt":{"type":"string","description":"System prompt: not blank.","minLength":1,"maxLength":100000},"voice_settings":{"type":["object","null"],"description":"The voice, in ElevenLabs' words. PATCH replaces it as a whole.","properties":{"language":{"type":["string","null"],"description":"The language it speaks, a BCP 47 tag. Extension.","maxLength":35},"similarity_boost":{"type":["number","null"],"format":"double","description":"How closely it keeps to the original voice.","examples":[0.75],"minimum":0,"maximum":1},"speed":{"type":["number","null"],"format":"double","description":"1 is the voice's own pace.","minimum":0.7,"maximum":1.2},"stability":{"type":["number","null"],"format":"double","description":"How steady the voice is; lower is livelier.","examples":[0.5],"minimum":0,"maximum":1},"style":{"type":["number","null"],"format":"double","description":"How much of the original's style is exaggerated.","minimum":0,"maximum":1},"use_speaker_boost":{"type":["boolean","null"],"description":"More likeness to the original speaker, at some cost in speed."},"voice":{"type":["string","null"],"description":"The voice, by its vendor's name or id. Extension.","minLength":1,"maxLength":100}}}}},
  AssignmentCreate: {"type":"object","properties":{"assignedTo":{"type":"object","description":"Who is to carry it out. An ai_employee does so by itself: its agent calls, or writes by WhatsApp.","properties":{"id":{"type":"string","description":"Of an ai_employee, its agent's id or number; of a user, the client's own word.","examples":["123"],"minLength":1,"maxLength":100},"type":{"type":"string","enum":["user","ai_employee"]}},"required":["id","type"]},"cancellationReason":{"type":["string","null"],"maxLength":1000},"cancelledAt":{"type":["string","null"],"format":"date-time","description":"Without a status it cancels the task; null opens a cancelled one."},"completedAt":{"type":["string","null"],"format":"date-time","description":"Without a status it completes the task; null opens a completed one."},"context":{"type":["object","null"],"description":"What it is about.","properties":{"conversationId":{"type":["number","null"],"format":"double","description":"A conversation's number: an AI employee calls or writes to whom it is held with."}}},"createdBy":{"type":"object","description":"Who made it; the caller, if it is left out.","properties":{"id":{"type":"string","description":"Of an ai_employee, its agent's id or number; of a user, the client's own word.","examples":["123"],"minLength":1,"maxLength":100},"type":{"type":"string","enum":["user","ai_employee"]}},"required":["id","type"]},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of the entity type TASK, each of its field's type; null takes a value away, and what is not named stays. Extension."},"dueDate":{"type":["string","null"],"format":"date-time","description":"When it is due."},"objective":{"type":"string","description":"What is to be reached.","minLength":1,"maxLength":4000},"publishedAt":{"type":["string","null"],"format":"date-time","description":"From when on it counts; null: it is a draft."},"status":{"type":"string","enum":["completed","cancelled","scheduled","overdue"],"description":"scheduled and overdue open the task: it is dueDate that tells which of them it is."},"title":{"type":["string","null"],"description":"Extension.","maxLength":200}}},
  AssignmentUpdate: {"type":"object","properties":{"assignedTo":{"type":"object","description":"Who is to carry it out. An ai_employee does so by itself: its agent calls, or writes by WhatsApp.","properties":{"id":{"type":"string","description":"Of an ai_employee, its agent's id or number; of a user, the client's own word.","examples":["123"],"minLength":1,"maxLength":100},"type":{"type":"string","enum":["user","ai_employee"]}},"required":["id","type"]},"cancellationReason":{"type":["string","null"],"maxLength":1000},"cancelledAt":{"type":["string","null"],"format":"date-time","description":"Without a status it cancels the task; null opens a cancelled one."},"completedAt":{"type":["string","null"],"format":"date-time","description":"Without a status it completes the task; null opens a completed one."},"context":{"type":["object","null"],"description":"What it is about.","properties":{"conversationId":{"type":["number","null"],"format":"double","description":"A conversation's number: an AI employee calls or writes to whom it is held with."}}},"createdAt":{"description":"Changes nothing."},"createdBy":{"description":"Changes nothing."},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of the entity type TASK, each of its field's type; null takes a value away, and what is not named stays. Extension."},"dueDate":{"type":["string","null"],"format":"date-time","description":"When it is due."},"id":{"description":"Changes nothing."},"objective":{"type":"string","description":"What is to be reached.","minLength":1,"maxLength":4000},"publishedAt":{"type":["string","null"],"format":"date-time","description":"From when on it counts; null: it is a draft."},"status":{"type":"string","enum":["completed","cancelled","scheduled","overdue"],"description":"scheduled and overdue open the task: it is dueDate that tells which of them it is."},"tenantId":{"description":"Changes nothing."},"title":{"type":["string","null"],"description":"Extension.","maxLength":200},"updatedAt":{"description":"Changes nothing."},"work":{"description":"Changes nothing."}}},
  BarBody: {"type":"object","properties":{"phone_number":{"type":"string","description":"Phone number (E.164 format).","minLength":1,"maxLength":20},"reason":{"type":["string","null"],"description":"Why.","maxLength":500}},"required":["phone_number"]},
  Body: {"type":"object","properties":{"agent_id":{"type":"string","format":"uuid","description":"The agent that is to call."},"breaker":{"type":"object","description":"Pauses the campaign when its calls fail. Left out: more than half of the last 20.","properties":{"calls":{"type":"integer","format":"int64","description":"How many of the last calls it looks at; 0: it is off. Left out: 20.","examples":[20],"minimum":0,"maximum":1000},"percent":{"type":"integer","format":"int64","description":"It trips when more of them than this have failed. Left out: 50.","examples":[50],"minimum":0,"maximum":100},"short_seconds":{"type":"number","format":"double","description":"A call that the far end hung up sooner has failed, too; 0, or left out: none has.","examples":[3],"minimum":0,"maximum":600}}},"calls_per_second":{"type":"number","format":"double","description":"Calls begun in a second, over all nodes, 0.001 or more; 0: the organisation's rule.","default":0,"minimum":0,"maximum":1000},"description":{"type":["string","null"],"description":"What it is for.","maxLength":2000},"max_calls":{"type":"integer","format":"int64","description":"Calls at once, over all nodes; 0: as many as the organisation may have. The organisation's limits hold all the same.","default":0,"minimum":0,"maximum":10000},"name":{"type":"string","description":"Not blank.","minLength":1,"maxLength":200},"priority":{"type":["integer","null"],"format":"int64","description":"Of its tasks: higher goes first.","default":0,"minimum":-1000000,"maximum":1000000},"scheduled_at":{"type":["string","null"],"format":"date-time","description":"When it starts by itself, with a time zone; null: it waits to be started."},"starting_message":{"type":["string","null"],"description":"What the agent says first; null: its own message. Columns of the contacts fill its {{places}}.","maxLength":5000},"webhook_events":{"type":["array","null"],"description":"Events to send; none: all.","items":{"type":"string","enum":["call_started","call_completed","call_failed"]}},"webhook_url":{"type":["string","null"],"description":"Of its tasks: where events are sent, an https URL.","maxLength":2000}},"required":["name","agent_id"]},
  BotCreate: {"type":"object","properties":{"config":{"type":["object","null"],"description":"agent_id binds an agent that there is, instead of a new one; numbers (of inbound_call and ivr) are phone numbers of the organisation that lead to it; flow is a menu or script by which it answers (docs/flows.md); menu (of ivr) says the same in few words (docs/bots.md): greeting, prompt, options (digit, words, and one of say, submenu, transfer, voicemail, agent, hangup, back), timeout, tries, fallback, hours, language; whatsapp (of whatsapp and whatsapp_voice) is its channel: provider (meta, twilio), phone_number_id and business_account_id of Meta's or number of Twilio's, credential_id and app_credential_id (docs/bots.md). What else is in it is the client's own. PUT replaces it as a whole."},"name":{"type":"string","minLength":1,"maxLength":255},"system_prompt":{"type":"string","description":"Of its agent.","maxLength":50000},"type":{"type":"string","enum":["whatsapp","inbound_call","outbound_call","ivr","whatsapp_voice"],"description":"How it is reached. It never changes."}},"required":["name","type"]},
  BotPut: {"type":"object","properties":{"config":{"type":["object","null"],"description":"agent_id binds an agent that there is, instead of a new one; numbers (of inbound_call and ivr) are phone numbers of the organisation that lead to it; flow is a menu or script by which it answers (docs/flows.md); menu (of ivr) says the same in few words (docs/bots.md): greeting, prompt, options (digit, words, and one of say, submenu, transfer, voicemail, agent, hangup, back), timeout, tries, fallback, hours, language; whatsapp (of whatsapp and whatsapp_voice) is its channel: provider (meta, twilio), phone_number_id and business_account_id of Meta's or number of Twilio's, credential_id and app_credential_id (docs/bots.md). What else is in it is the client's own. PUT replaces it as a whole."},"name":{"type":"string","minLength":1,"maxLength":255},"system_prompt":{"type":"string","description":"Of its agent.","maxLength":50000}}},
  BridgeCall: {"type":"object","properties":{"callCustomData":{"type":"object","description":"Kept with the call, and given back as customData."},"from":{"type":"string","description":"The telephone of the user, who is rung first: a number in E.164. Users have no number of their own here, so it has to be there.","examples":["+442071234567"],"maxLength":20},"providerData":{"description":"JSON of any kind, up to 64 KiB: kept as the call's metadata."},"to":{"type":"string","description":"The contact, who is rung when the user has answered: a number in E.164.","examples":["+1234567890"],"minLength":1,"maxLength":20}},"required":["to"]},
  CallCreate: {"type":"object","properties":{"customData":{"description":"JSON of any kind, up to 64 KiB."},"direction":{"type":"string","description":"incoming or outgoing; another word is kept, and the call counts as outgoing.","examples":["outgoing"],"minLength":1,"maxLength":100},"duration":{"type":["number","null"],"format":"double","description":"In seconds; null: not known.","minimum":0,"maximum":1000000},"from":{"type":"string","examples":["+442071234567"],"minLength":1,"maxLength":200},"funnelConversationId":{"type":"number","format":"double","description":"A number of the client's own."},"metadata":{"description":"JSON of any kind, up to 64 KiB."},"providerId":{"type":"string","description":"Its id where it was made.","maxLength":200},"providerName":{"type":"string","maxLength":200},"redirectedTo":{"type":["string","null"],"description":"Whom the caller was led to.","maxLength":200},"sessionId":{"type":"number","format":"double","description":"A number of the client's own."},"startTime":{"type":"string","format":"date-time","description":"When it began, with a time zone."},"status":{"type":"string","description":"In its maker's words. failed, busy, no_answer, cancelled, missed and rejected make it a failed call, all others a completed one.","examples":["completed"],"minLength":1,"maxLength":100},"teamId":{"type":["number","null"],"format":"double","description":"A number of the client's own."},"to":{"type":"string","examples":["+1234567890"],"minLength":1,"maxLength":200},"userId":{"type":["number","null"],"format":"double","description":"The number of the user whose call it was."}},"required":["status","userId","metadata","from","to","duration","direction","startTime"]},
  CommandBody: {"type":"object","properties":{"ask":{"type":"boolean","description":"Of whisper and unhold: the agent is asked to speak as soon as nobody else does."},"command":{"type":"string","enum":["say","whisper","press","mute","unmute","hold","unhold"],"description":"say: the agent's voice says text to the caller when nobody else speaks. whisper: the agent is told text, which the caller does not hear, with what it is asked next. press: keys are pressed towards the caller. mute: the agent hears nothing of the caller, until unmute. hold: the agent stops, also in mid-sentence, until unhold."},"every_seconds":{"type":"integer","format":"int64","description":"Of hold: how long after its end text is said again; none given: once.","minimum":5,"maximum":600},"keys":{"type":"string","description":"Of press: 0-9 * # A-D, and the pauses w (half a second), W and p (a second).","examples":["12#"],"maxLength":64},"text":{"type":"string","description":"Of say and whisper. Of hold and unhold: said to the caller.","maxLength":2000}},"required":["command"]},
  ContactCreate: {"type":"object","properties":{"addresses":{"type":["array","null"],"description":"All addresses: one that is left out goes.","items":{"type":"object","properties":{"address":{"type":"string","description":"A phone number in E.164, an email address, or whatever else the channel takes.","minLength":1,"maxLength":320},"channelType":{"type":"string","enum":["PHONE","WHATSAPP","EMAIL"],"description":"By what it is reached."},"id":{"type":"number","format":"double","description":"Of an address that the contact has: it becomes this one."}},"required":["channelType","address"]}},"companyPosition":{"type":["string","null"],"maxLength":200},"contactCompanyId":{"type":["number","null"],"format":"double","description":"A number of the client's own."},"createdAt":{"type":"string","format":"date-time","description":"When the contact began, if that was before now."},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields, each of its field's type; null takes a value away, and what is not named stays. A key that has no definition takes any value."},"email":{"type":["string","null"],"description":"Takes the place of the address that it showed. Deprecated: see addresses.","maxLength":320},"firstName":{"type":["string","null"],"maxLength":200},"lastName":{"type":["string","null"],"maxLength":200},"metadata":{"description":"JSON of any kind, up to 64 KiB."},"nationalId":{"type":["string","null"],"maxLength":100},"phone":{"type":["string","null"],"description":"Takes the place of the address by PHONE that it showed. Deprecated: see addresses.","maxLength":320},"providerId":{"type":["string","null"],"description":"Its id in another system.","maxLength":200},"providerName":{"type":["string","null"],"maxLength":200},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for them."}}},
  ContactSearch: {"type":"object","properties":{"filters":{"type":["array","null"],"description":"All of them hold; one with or holds in place of the one before it.","items":{"type":"object","properties":{"field":{"type":"string","description":"A field of contacts, such as firstName, addresses.address or customFields.tier.","minLength":1,"maxLength":100},"operator":{"type":"string","enum":["eq","neq","ne","contains","notContains","startsWith","endsWith","in","notIn","gt","gte","lt","lte","exists","notExists"],"description":"How it compares. Case and accents do not matter."},"or":{"type":"boolean","description":"It is enough if this or the filter before holds. Or binds closer than and."},"value":{"description":"A text, a number, a boolean, or an array of these: one of them is enough. exists and notExists take none."}},"required":["field","operator"]}},"includeArchived":{"description":"Changes nothing: contacts are not archived."},"includeTotalCount":{"description":"Whether to count the rows on all pages."},"pageToken":{"type":"string","description":"The nextPageToken of the page before, with the same sort.","maxLength":4000},"search":{"type":"string","description":"Words, each of which stands somewhere in names, addresses, national id, position or provider's id.","maxLength":200},"size":{"type":"number","format":"double","description":"Rows of a page.","default":20,"maximum":100},"sort":{"type":["array","null"],"description":"By what to sort, first things first; newest first if there is none.","items":{"type":"object","properties":{"direction":{"type":"string","enum":["asc","desc"],"default":"asc"},"field":{"type":"string","minLength":1,"maxLength":100}},"required":["field"]}}}},
  ContactUpdate: {"type":"object","properties":{"addresses":{"type":["array","null"],"description":"All addresses: one that is left out goes.","items":{"type":"object","properties":{"address":{"type":"string","description":"A phone number in E.164, an email address, or whatever else the channel takes.","minLength":1,"maxLength":320},"channelType":{"type":"string","enum":["PHONE","WHATSAPP","EMAIL"],"description":"By what it is reached."},"id":{"type":"number","format":"double","description":"Of an address that the contact has: it becomes this one."}},"required":["channelType","address"]}},"companyPosition":{"type":["string","null"],"maxLength":200},"contactCompanyId":{"type":["number","null"],"format":"double","description":"A number of the client's own."},"createdAt":{"description":"Changes nothing."},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields, each of its field's type; null takes a value away, and what is not named stays. A key that has no definition takes any value."},"email":{"type":["string","null"],"description":"Takes the place of the address that it showed. Deprecated: see addresses.","maxLength":320},"firstName":{"type":["string","null"],"maxLength":200},"id":{"description":"Changes nothing."},"lastName":{"type":["string","null"],"maxLength":200},"metadata":{"description":"JSON of any kind, up to 64 KiB."},"nationalId":{"type":["string","null"],"maxLength":100},"phone":{"type":["string","null"],"description":"Takes the place of the address by PHONE that it showed. Deprecated: see addresses.","maxLength":320},"providerId":{"type":["string","null"],"description":"Its id in another system.","maxLength":200},"providerName":{"type":["string","null"],"maxLength":200},"tenantId":{"description":"Changes nothing."},"updatedAt":{"description":"Changes nothing."},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for them."}}},
  CreateTalkTokenBody: {"type":"object","properties":{"agent_id":{"type":"string","format":"uuid","description":"Who answers. Left out: the organisation's default agent."},"from":{"type":"string","description":"Who calls: a phone number in E.164, which is the call's from_number, and by which they are remembered (docs/memory.md). Whoever asks for the token answers for it. Left out: nobody is named. Extension.","examples":["+442071234567"]},"params":{"type":"object","description":"Fills the {{places}} of the agent's words: up to 16, names of letters, digits and _, values of up to 500 characters."},"ttl_seconds":{"type":"integer","format":"int64","description":"How long the page has to open its call, in seconds.","default":60,"minimum":10,"maximum":600}}},
  CredentialCreate: {"type":"object","properties":{"account_id":{"type":["string","null"],"description":"The vendor's name for the account. twilio: the AccountSid, required; telnyx: the account's id, which its webhooks call AccountSid, required; plivo: the auth id, required; signalwire, signalwire_signing: the project's id, required; vonage, vonage_signing: the application's id, required; azure: the region of the resource, required; whatsapp_app: the app's id, required; custom: as you like; other vendors have none.","maxLength":200},"application_id":{"type":["string","null"],"description":"The account's application that calls are placed by. telnyx: the id of a TeXML application, required; other vendors have none.","maxLength":200},"base_url":{"type":["string","null"],"description":"Another server than the vendor's: https (or wss, which means the same), and no private address unless the operator of this server allows it.","maxLength":500},"default":{"type":["boolean","null"],"description":"Whether it is the one that is used where none is named. None given: if it is the first of its vendor."},"name":{"type":"string","description":"Unique in the organisation: not blank.","minLength":1,"maxLength":100},"public_key":{"type":["string","null"],"description":"What the vendor signs webhooks with for this account. telnyx: the public key as Mission Control shows it, required; other vendors have none.","maxLength":500},"secret":{"type":"string","description":"The auth token or API key. vonage: the application's private key, in base64 on one line; vonage_signing: the signature secret; signalwire_signing: the signing key. It is sealed, and never shown again but for its end.","minLength":8,"maxLength":4096},"vendor":{"type":"string","enum":["twilio","telnyx","plivo","signalwire","signalwire_signing","vonage","vonage_signing","openai","deepgram","elevenlabs","anthropic","gemini","cartesia","rime","azure","assemblyai","groq","mistral","whatsapp","whatsapp_app","custom"],"description":"Whose account it is. It cannot be changed later."}},"required":["vendor","name","secret"]},
  CredentialPatch: {"type":"object","properties":{"account_id":{"type":["string","null"],"description":"The vendor's name for the account.","maxLength":200},"application_id":{"type":["string","null"],"description":"The account's application that calls are placed by.","maxLength":200},"base_url":{"type":["string","null"],"description":"Another server than the vendor's. A new server needs the secret once more, so that nobody has it sent elsewhere who does not know it.","maxLength":500},"default":{"type":"boolean","description":"Whether it is the one that is used where none is named."},"name":{"type":"string","description":"Unique in the organisation: not blank.","minLength":1,"maxLength":100},"public_key":{"type":["string","null"],"description":"What the vendor signs webhooks with for this account.","maxLength":500},"secret":{"type":"string","description":"A new auth token or API key.","minLength":8,"maxLength":4096}}},
  Credentials: {"type":"object","properties":{"email":{"type":"string","examples":["owner@example.com"],"minLength":1,"maxLength":254},"password":{"type":"string","examples":["correct horse battery staple"],"minLength":1,"maxLength":512}},"required":["email","password"]},
  ExtensionCreate: {"type":"object","properties":{"agent_id":{"type":["string","null"],"format":"uuid","description":"Who answers its calls; none given: the default agent."},"name":{"type":["string","null"],"description":"For people. None given: the username.","maxLength":100},"username":{"type":"string","description":"Of the softphone's account: small letters, digits, dots, _ and -; unique in the organisation. It stays.","maxLength":63}},"required":["username"]},
  ExtensionPatch: {"type":"object","properties":{"agent_id":{"type":["string","null"],"format":"uuid","description":"Who answers its calls; null: the default agent."},"name":{"type":"string","description":"For people.","minLength":1,"maxLength":100}}},
  FieldCreate: {"type":"object","properties":{"description":{"type":["string","null"],"description":"What it is for.","maxLength":1000},"entityType":{"type":"string","enum":["CONTACT","COMPANY","FUNNEL_CONVERSATION","FUNNEL_CHANNEL_SESSION","PRODUCT","TASK"],"description":"What has the field. Values are kept of contacts and of tasks; TASK is an extension."},"fieldKey":{"type":"string","description":"The key of its values in customFields. An entity type has each once.","minLength":1,"maxLength":64},"fieldLabel":{"type":["string","null"],"description":"Its name, for people.","maxLength":200},"fieldType":{"type":"string","enum":["STRING","NUMBER","DATE","BOOLEAN","LIST","FILE"],"description":"The type of its values. Those of LIST are one of the field's options, those of FILE an id or an address."}},"required":["entityType","fieldKey","fieldType"]},
  FieldUpdate: {"type":"object","properties":{"createdAt":{"description":"Changes nothing."},"description":{"type":["string","null"],"description":"What it is for.","maxLength":1000},"entityType":{"type":"string","enum":["CONTACT","COMPANY","FUNNEL_CONVERSATION","FUNNEL_CHANNEL_SESSION","PRODUCT","TASK"],"description":"Only of a field that nothing has a value of."},"fieldKey":{"type":"string","description":"Only of a field that nothing has a value of.","minLength":1,"maxLength":64},"fieldLabel":{"type":["string","null"],"description":"Its name, for people.","maxLength":200},"fieldType":{"type":"string","enum":["STRING","NUMBER","DATE","BOOLEAN","LIST","FILE"],"description":"Only of a field that nothing has a value of."},"id":{"description":"Changes nothing."},"tenantId":{"description":"Changes nothing."},"updatedAt":{"description":"Changes nothing."}}},
  FunnelCreate: {"type":"object","properties":{"archivedAt":{"type":["string","null"],"format":"date-time","description":"When it was archived. A contact has one conversation in a funnel that is not."},"contact":{"type":["object","null"],"description":"Whom it is with, and what is new of them. One of contactId and contact must be given.","properties":{"companyPosition":{"type":["string","null"],"maxLength":200},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of CONTACT."},"emails":{"type":["array","null"],"description":"Addresses by EMAIL.","items":{"type":"string"}},"firstName":{"type":["string","null"],"maxLength":200},"lastName":{"type":["string","null"],"maxLength":200},"nationalId":{"type":["string","null"],"maxLength":100},"phones":{"type":["array","null"],"description":"Addresses by PHONE. A contact who has one of phones and emails is meant, the oldest of several; without any, one is made.","items":{"type":"string"}},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for them."}}},"contactId":{"type":["number","null"],"format":"double","description":"Whom it is with, whatever addresses contact has. Of a contact, what is no whole number is none's id, and contact tells."},"createdAt":{"type":"string","format":"date-time","description":"When the conversation began, if that was before now."},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of FUNNEL_CONVERSATION, each of its field's type; null takes a value away, and what is not named stays. A key that has no definition takes any value."},"funnelId":{"type":"number","format":"double","description":"A number of the client's own."},"funnelStatusId":{"type":["number","null"],"format":"double","description":"A number of the client's own."},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for it."}},"required":["funnelId"]},
  FunnelsCreate: {"type":"object","properties":{"conversations":{"type":["array","null"],"description":"One is taken whatever is wrong with others: the report tells.","items":{"type":"object","properties":{"archivedAt":{"type":["string","null"],"format":"date-time","description":"When it was archived. A contact has one conversation in a funnel that is not."},"contact":{"type":["object","null"],"description":"Whom it is with, and what is new of them. One of contactId and contact must be given.","properties":{"companyPosition":{"type":["string","null"],"maxLength":200},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of CONTACT."},"emails":{"type":["array","null"],"description":"Addresses by EMAIL.","items":{"type":"string"}},"firstName":{"type":["string","null"],"maxLength":200},"lastName":{"type":["string","null"],"maxLength":200},"nationalId":{"type":["string","null"],"maxLength":100},"phones":{"type":["array","null"],"description":"Addresses by PHONE. A contact who has one of phones and emails is meant, the oldest of several; without any, one is made.","items":{"type":"string"}},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for them."}}},"contactId":{"type":["number","null"],"format":"double","description":"Whom it is with, whatever addresses contact has. Of a contact, what is no whole number is none's id, and contact tells."},"createdAt":{"type":"string","format":"date-time","description":"When the conversation began, if that was before now."},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of FUNNEL_CONVERSATION, each of its field's type; null takes a value away, and what is not named stays. A key that has no definition takes any value."},"funnelId":{"type":"number","format":"double","description":"A number of the client's own."},"funnelStatusId":{"type":["number","null"],"format":"double","description":"A number of the client's own."},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for it."}},"required":["funnelId"]}}},"required":["conversations"]},
  FunnelsUpdate: {"type":"object","properties":{"conversations":{"type":["array","null"],"description":"One is taken whatever is wrong with others: the report tells.","items":{"type":"object","properties":{"archivedAt":{"type":["string","null"],"format":"date-time","description":"When it was archived. A contact has one conversation in a funnel that is not."},"contact":{"type":["object","null"],"description":"What is new of whoever it is with.","properties":{"companyPosition":{"type":["string","null"],"maxLength":200},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of CONTACT."},"emails":{"type":["array","null"],"description":"Addresses by EMAIL.","items":{"type":"string"}},"firstName":{"type":["string","null"],"maxLength":200},"id":{"type":["number","null"],"format":"double","description":"The conversation's contact, if it is given at all."},"lastName":{"type":["string","null"],"maxLength":200},"nationalId":{"type":["string","null"],"maxLength":100},"phones":{"type":["array","null"],"description":"Addresses by PHONE. A contact who has one of phones and emails is meant, the oldest of several; without any, one is made.","items":{"type":"string"}},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for them."}}},"createdAt":{"description":"Changes nothing."},"customFields":{"type":["object","null"],"description":"Values by the keys of custom fields of FUNNEL_CONVERSATION, each of its field's type; null takes a value away, and what is not named stays. A key that has no definition takes any value."},"funnelStatusId":{"type":["number","null"],"format":"double","description":"A number of the client's own."},"id":{"type":"number","format":"double","description":"The conversation."},"userId":{"type":["number","null"],"format":"double","description":"The number of the user who cares for it."}},"required":["id"]}}},"required":["conversations"]},
  KnowledgeQuestion: {"type":"object","properties":{"limit":{"type":"integer","format":"int64","description":"How many passages.","default":5,"minimum":1,"maximum":20},"question":{"type":"string","description":"What a caller might say.","examples":["how much is a sick note"],"minLength":1,"maxLength":1000}},"required":["question"]},
  ListenOfBody: {"type":"object","properties":{"name":{"type":"string","description":"Who listens. Left out: the name of the person, or of the key.","examples":["Anna"],"maxLength":80},"ttl_seconds":{"type":"integer","format":"int64","description":"How long the page has to begin, in seconds.","default":60,"minimum":10,"maximum":600}}},
  LoadBody: {"type":"object","properties":{"callDirection":{"type":"string","enum":["outgoing","incoming"],"default":"outgoing"},"callFrom":{"type":"string","examples":["+442071234567"],"maxLength":200},"callStartTime":{"type":"string","description":"When the call began, with a time zone, such as 2026-11-23T09:00:00Z; left out: now.","examples":["2026-11-23T09:00:00Z"],"maxLength":64},"callTo":{"type":"string","examples":["+1234567890"],"maxLength":200},"url":{"type":"string","description":"Where it is: an https URL of WAV or Ogg Opus, of up to 512 MiB.","examples":["https://pbx.example.com/recordings/1.wav"],"minLength":1,"maxLength":2000},"userId":{"type":"number","format":"double","description":"The number of the user whose call it was.","examples":[1]}},"required":["userId","url"]},
  MediaUpload: {"type":"object","properties":{"content":{"type":"string","description":"The file, in base64: it is kept, and has a fileId from then on. Larger files are uploaded by POST /api/v1/media."},"contentType":{"type":"string","description":"Required with content.","examples":["image/png"],"maxLength":200},"fileId":{"type":"string","description":"A file that there is. Instead of content.","maxLength":100},"fileName":{"type":"string","examples":["map.png"],"maxLength":240},"fromPhoneNumber":{"type":"string","description":"In E.164: the config.whatsapp.number of a bot of the organisation.","examples":["+15550100001"],"maxLength":40},"tags":{"type":"object","description":"Answered as they are; they are not kept."}},"required":["fromPhoneNumber"]},
  MessageCreate: {"type":"object","properties":{"content":{"type":"string","description":"The text; of an image, a video and a document the caption; of location, contacts, interactive and reaction JSON, as POST /api/v1/conversations/{id}/messages takes it.","examples":["Your order left our warehouse this morning."],"maxLength":65536},"customFields":{"type":"object","description":"Kept with the message: up to 100, of 4,000 characters each."},"fileId":{"type":"string","description":"Of POST /messages/whatsapp/media: the file of an image, audio, video, document or sticker.","maxLength":100},"fromPhoneNumber":{"type":"string","description":"In E.164: the config.whatsapp.number of a bot of the organisation.","examples":["+15550100001"],"maxLength":40},"toPhoneNumber":{"type":"string","description":"In E.164.","examples":["+56912345678"],"maxLength":40},"type":{"type":"string","enum":["text","image","audio","video","document","sticker","location","contacts","interactive","reaction","button","order","system","unknown","unsupported","media_placeholder"],"description":"What it is. Those after reaction are received alone."},"userId":{"type":"string","description":"For whom it is sent, in the client's words.","maxLength":200}},"required":["content","type","fromPhoneNumber","toPhoneNumber"]},
  NumberCreate: {"type":"object","properties":{"agent_id":{"type":["string","null"],"format":"uuid","description":"Who answers it; none given: the default agent."},"credential_id":{"type":["string","null"],"format":"uuid","description":"The carrier's account that calls from it are placed by: Twilio's or Telnyx'; none given: the organisation's default, else the server's."},"label":{"type":["string","null"],"description":"What it is for.","maxLength":200},"phone_number":{"type":"string","description":"Phone number (E.164 format). No other organisation may have it.","minLength":1,"maxLength":20},"pre_answer":{"type":["object","null"],"description":"Who is asked about each call to it before it is answered; none given: whom its organisation has asked.","properties":{"fallback":{"type":"string","enum":["agent","reject"],"description":"What is done with a call for which there is no good answer: agent (the number's own takes it), reject (nobody does).","default":"agent"},"timeout_ms":{"type":"integer","format":"int64","description":"How long a caller waits for the answer at most, in milliseconds: a second try is within it.","default":2000,"minimum":500,"maximum":5000},"url":{"type":"string","description":"Asked about each inbound call before it is answered (docs/preanswer.md): https, and no private address unless the operator of this server allows it.","examples":["https://your-app.com/incoming"],"minLength":1,"maxLength":2000}},"required":["url"]},"trunk_id":{"type":["string","null"],"format":"uuid","description":"The SIP trunk that it is reached by, instead of a credential."}},"required":["phone_number"]},
  NumberPatch: {"type":"object","properties":{"agent_id":{"type":["string","null"],"format":"uuid","description":"Who answers it; null: the default agent."},"credential_id":{"type":["string","null"],"format":"uuid","description":"The carrier's account that calls from it are placed by."},"label":{"type":["string","null"],"description":"What it is for.","maxLength":200},"pre_answer":{"type":["object","null"],"description":"Who is asked about each call to it before it is answered; it is given as a whole, and null is whom its organisation has asked.","properties":{"fallback":{"type":"string","enum":["agent","reject"],"description":"What is done with a call for which there is no good answer: agent (the number's own takes it), reject (nobody does).","default":"agent"},"timeout_ms":{"type":"integer","format":"int64","description":"How long a caller waits for the answer at most, in milliseconds: a second try is within it.","default":2000,"minimum":500,"maximum":5000},"url":{"type":"string","description":"Asked about each inbound call before it is answered (docs/preanswer.md): https, and no private address unless the operator of this server allows it.","examples":["https://your-app.com/incoming"],"minLength":1,"maxLength":2000}},"required":["url"]},"trunk_id":{"type":["string","null"],"format":"uuid","description":"The SIP trunk that it is reached by, instead of a credential."}}},
  OptionCreate: {"type":"object","properties":{"definitionId":{"type":"number","format":"double","description":"The field's id. It is the path that tells."},"description":{"type":["string","null"],"description":"What it means.","maxLength":1000},"label":{"type":["string","null"],"description":"Its name, for people.","maxLength":200},"value":{"type":"string","description":"What is kept. A field has each value once.","minLength":1,"maxLength":200}},"required":["definitionId","value"]},
  OptionUpdate: {"type":"object","properties":{"createdAt":{"description":"Changes nothing."},"definitionId":{"description":"Changes nothing."},"description":{"type":["string","null"],"description":"What it means.","maxLength":1000},"id":{"description":"Changes nothing."},"label":{"type":["string","null"],"description":"Its name, for people.","maxLength":200},"tenantId":{"description":"Changes nothing."},"updatedAt":{"description":"Changes nothing."},"value":{"type":"string","description":"What is kept, also where it is kept already.","minLength":1,"maxLength":200}}},
  OrganizationNamed: {"type":"object","properties":{"name":{"type":"string","description":"Not blank.","examples":["Acme Ltd"],"minLength":1,"maxLength":200}},"required":["name"]},
  OrganizationPatch: {"type":"object","properties":{"memory":{"type":["object","null"],"description":"Whether its agents know what was said with somebody before; it is given as a whole, and null is off.","properties":{"channels":{"type":"array","description":"Of which channels; left out: all.","items":{"type":"string","enum":["voice","whatsapp"]}},"conversations":{"type":"integer","format":"int64","description":"How many, the latest first.","default":3,"minimum":1,"maximum":10},"days":{"type":"integer","format":"int64","description":"How far back, in days.","default":30,"minimum":1,"maximum":365},"enabled":{"type":"boolean","description":"Whether earlier conversations are remembered. Of an agent: false is off whatever the organisation says, and true is what the organisation allows."},"messages":{"type":"integer","format":"int64","description":"How many of the last messages of a conversation that has no summary.","default":20,"minimum":1,"maximum":50},"time_zone":{"type":"string","description":"By which their dates are told where the number of the other end does not say, by its IANA name; left out: UTC.","examples":["Europe/London"],"maxLength":64}},"required":["enabled"]},"name":{"type":"string","description":"Not blank.","examples":["Acme Ltd"],"minLength":1,"maxLength":200},"pre_answer":{"type":["object","null"],"description":"Who is asked about each inbound call before it is answered; it is given as a whole, and null is nobody.","properties":{"fallback":{"type":"string","enum":["agent","reject"],"description":"What is done with a call for which there is no good answer: agent (the number's own takes it), reject (nobody does).","default":"agent"},"timeout_ms":{"type":"integer","format":"int64","description":"How long a caller waits for the answer at most, in milliseconds: a second try is within it.","default":2000,"minimum":500,"maximum":5000},"url":{"type":"string","description":"Asked about each inbound call before it is answered (docs/preanswer.md): https, and no private address unless the operator of this server allows it.","examples":["https://your-app.com/incoming"],"minLength":1,"maxLength":2000}},"required":["url"]}}},
  PasswordOfBody: {"type":"object","properties":{"current_password":{"type":"string","minLength":1,"maxLength":512},"new_password":{"type":"string","description":"12 characters or more, and not one of those that everybody tries first.","minLength":12,"maxLength":512}},"required":["current_password","new_password"]},
  Patch: {"type":"object","properties":{"breaker":{"type":"object","description":"Replaced as a whole.","properties":{"calls":{"type":"integer","format":"int64","description":"How many of the last calls it looks at; 0: it is off. Left out: 20.","examples":[20],"minimum":0,"maximum":1000},"percent":{"type":"integer","format":"int64","description":"It trips when more of them than this have failed. Left out: 50.","examples":[50],"minimum":0,"maximum":100},"short_seconds":{"type":"number","format":"double","description":"A call that the far end hung up sooner has failed, too; 0, or left out: none has.","examples":[3],"minimum":0,"maximum":600}}},"calls_per_second":{"type":"number","format":"double","description":"Calls begun in a second; 0: the organisation's rule.","minimum":0,"maximum":1000},"description":{"type":["string","null"],"description":"What it is for.","maxLength":2000},"max_calls":{"type":"integer","format":"int64","description":"Calls at once; 0: as many as the organisation may have. Calls that are up go on.","minimum":0,"maximum":10000},"name":{"type":"string","description":"Not blank.","minLength":1,"maxLength":200},"scheduled_at":{"type":["string","null"],"format":"date-time","description":"When a draft starts by itself; null: it waits to be started."}}},
  PostAutoReplyBody: {"type":"object","properties":{"enabled":{"type":"boolean","description":"Whether the bot answers by itself."}},"required":["enabled"]},
  PutHookSettingsBody: {"type":"object","properties":{"enable_endpoints":{"type":["array","null"],"description":"Disabled URLs that are sent to again. What has failed meanwhile can be replayed.","items":{"type":"string"}},"redelivery":{"type":"boolean","description":"Try again what fails: ten tries over three days; an answer of 410 disables its URL."}},"required":["redelivery"]},
  PutStatusBody: {"type":"object","properties":{"status":{"type":"string","enum":["active","completed","escalated","failed"],"description":"Where the thread stands. A call that goes on is not ended by it, and its end leaves it as it is."}},"required":["status"]},
  RetellBody: {"type":"object","properties":{"conversation_id":{"type":["string","null"],"description":"ElevenLabs' id of the conversation; once given, it is remembered. Extension.","maxLength":200}}},
  RotateSecretBody: {"type":"object","properties":{"former_hours":{"type":"integer","format":"int64","description":"How long the secret before signs too, in hours: 24 if this is left out; 0: no more from now on.","minimum":0,"maximum":168}}},
  RulesBody: {"type":"object","properties":{"allow":{"type":"array","description":"Beginnings of numbers that may be called although they are premium or satellite numbers.","examples":[["+88165"]],"items":{"type":"string"}},"calls_per_second":{"type":"number","format":"double","description":"Outbound calls begun in a second, over all nodes; 0: the server's setting.","examples":[1],"minimum":0,"maximum":1000},"deny":{"type":"array","description":"Beginnings of numbers that are never called.","examples":[["+7"]],"items":{"type":"string"}},"max_calls":{"type":"integer","format":"int64","description":"Outbound calls at once, over all nodes; 0: the server's setting.","examples":[20],"minimum":0,"maximum":10000},"retry":{"type":"object","description":"Whether numbers that were busy, or did not answer, are called again.","properties":{"busy":{"type":"integer","format":"int64","description":"How often, after it was busy; 0: never.","minimum":0,"maximum":20},"no_answer":{"type":"integer","format":"int64","description":"How often, after nobody answered; 0: never.","minimum":0,"maximum":20},"wait_seconds":{"type":"integer","format":"int64","description":"After how long; 0: 300.","minimum":0,"maximum":604800}}},"ring_seconds":{"type":"integer","format":"int64","description":"How long a number is rung; 0: the server's setting.","examples":[45],"minimum":0,"maximum":600},"windows":{"type":"array","description":"When numbers may be called, in their own time zone; none: always. Of a number that may be in several zones, all must be within a window.","items":{"type":"object","properties":{"days":{"type":"array","description":"The days; none: every day.","examples":[["mon","tue"]],"items":{"type":"string","enum":["mon","tue","wed","thu","fri","sat","sun"]}},"from":{"type":"string","examples":["09:00"]},"to":{"type":"string","description":"Later than from.","examples":["20:00"]}},"required":["from","to"]}},"zone":{"type":"string","description":"The time zone of numbers whose own is not known; empty: UTC.","examples":["Europe/London"],"maxLength":64}}},
  SwitchOfBody: {"type":"object","properties":{"organization_id":{"type":"string","format":"uuid"}},"required":["organization_id"]},
  TakeBackBody: {"type":"object","properties":{"say":{"type":"string","description":"Said to the caller; none given: the agent is told what has happened, and goes on.","maxLength":500}}},
  TaskCreate: {"type":"object","properties":{"agent_id":{"type":"string","format":"uuid","description":"The agent that is to call."},"bot_id":{"type":["string","null"],"format":"uuid","description":"Of whatsapp: the bot from whose number it calls; null: the agent's own. Extension."},"channel":{"type":"string","enum":["phone","whatsapp"],"description":"How to call: whatsapp calls from a bot's number there (docs/whatsapp.md). Extension.","default":"phone"},"context_data":{"type":["object","null"],"description":"What fills the places {{name}} of the agent's prompt and of the starting message: any JSON object of at most 64 KiB. {{customer.name}} is a member of an object inside. A place that nothing fills is an error when the task is executed."},"description":{"type":["string","null"],"description":"Task description.","maxLength":2000},"name":{"type":"string","description":"Task name: not blank.","minLength":1,"maxLength":200},"permission":{"description":"Of whatsapp: how somebody is asked who has not allowed to be called; null: they are not asked, and the task fails. Extension."},"priority":{"type":["integer","null"],"format":"int64","description":"Higher goes first.","default":0,"minimum":-1000000,"maximum":1000000},"scheduled_at":{"type":["string","null"],"format":"date-time","description":"When it is executed by itself, with a time zone; null: it waits to be executed."},"starting_message":{"type":["string","null"],"description":"Initial message; null: the agent's.","maxLength":5000},"to_number":{"type":"string","description":"Phone number (E.164 format).","examples":["+1234567890"],"minLength":1,"maxLength":20},"webhook_events":{"type":["array","null"],"description":"Events to send; none: all.","items":{"type":"string","enum":["call_started","call_completed","call_failed"]}},"webhook_url":{"type":["string","null"],"description":"Where events are sent: an https URL.","maxLength":2000}},"required":["agent_id","name","to_number"]},
  TaskPatch: {"type":"object","properties":{"context_data":{"type":["object","null"],"description":"Context data object, replaced as a whole."},"description":{"type":["string","null"],"description":"Task description.","maxLength":2000},"name":{"type":"string","description":"Task name: not blank.","minLength":1,"maxLength":200},"priority":{"type":"integer","format":"int64","description":"Priority level.","minimum":-1000000,"maximum":1000000},"scheduled_at":{"type":["string","null"],"format":"date-time","description":"Scheduled execution time; null: it waits to be executed."},"starting_message":{"type":["string","null"],"description":"Initial message.","maxLength":5000},"to_number":{"type":"string","description":"Phone number (E.164 format).","minLength":1,"maxLength":20},"webhook_events":{"type":["array","null"],"description":"Array of webhook events; none: all.","items":{"type":"string","enum":["call_started","call_completed","call_failed"]}},"webhook_url":{"type":["string","null"],"description":"Webhook URL, https.","maxLength":2000}}},
  TemplateCreate: {"type":"object","properties":{"components":{"type":["array","null"],"description":"As in Meta's Cloud API; the id of a file may be a fileId. Instead of variables.","items":{"type":"object"}},"customFields":{"type":"object","description":"Kept with the message: up to 100, of 4,000 characters each."},"fromPhoneNumber":{"type":"string","description":"In E.164: the config.whatsapp.number of a bot of the organisation.","examples":["+15550100001"],"maxLength":40},"languageCode":{"type":"string","examples":["es_CL"],"minLength":1,"maxLength":20},"templateName":{"type":"string","description":"At Twilio its ContentSid.","examples":["appointment_v2"],"minLength":1,"maxLength":512},"toPhoneNumber":{"type":"string","description":"In E.164.","examples":["+56912345678"],"maxLength":40},"userId":{"type":"string","description":"For whom it is sent, in the client's words.","maxLength":200},"variables":{"type":["array","null"],"description":"What fills the places of the body, in their order. Instead of components.","items":{"type":"object","properties":{"value":{"type":"string","examples":["Jane"],"maxLength":1024}},"required":["value"]}}},"required":["templateName","languageCode","fromPhoneNumber","toPhoneNumber"]},
  TestBody: {"type":"object","properties":{"url":{"type":"string","description":"Webhook URL, https.","minLength":1,"maxLength":2000}},"required":["url"]},
  TransferBody: {"type":"object","properties":{"after":{"type":"string","enum":["end","return"],"description":"Of bridge and attended: what follows when whoever was called hangs up. end: the call ends. return: the agent goes on with the caller. None given: return with listen, else end."},"brief":{"type":"string","description":"Of bridge and attended: said to whoever answers, before the caller is there (a warm transfer).","maxLength":1000},"confirm":{"type":"boolean","description":"Of bridge and attended, with brief: whoever answers must press 1 to be joined, which brief should say; any other key is a no."},"mode":{"type":"string","enum":["blind","bridge","attended"],"description":"blind: the carrier connects them, and the call ends here. bridge: this server calls them and joins the two, so that the agent can come back. attended: this server calls them, and when they take the call the carrier connects the two, and the call ends here; where it does not, they are joined as by bridge.","default":"blind"},"ring_seconds":{"type":"integer","format":"int64","description":"Of bridge and attended: how long it may take until they are joined; then the agent has the caller back.","default":30,"minimum":5,"maximum":180},"say":{"type":"string","description":"Said to the caller first.","maxLength":500},"stay":{"type":"string","enum":["leave","silent","listen"],"description":"Of bridge and attended: what the agent does while they talk. leave: it hears nothing. silent: the caller's words are written down. listen: and ** on either telephone calls it back.","default":"leave"},"to":{"type":"string","description":"Who is to be connected with the caller.","examples":["+442071234567"]}},"required":["to"]},
  TrunkCreate: {"type":"object","properties":{"allowed_networks":{"type":["array","null"],"description":"Networks from which calls are taken, such as 192.0.2.0/24; an address is a network of one. None given: the host's addresses.","items":{"type":"string"}},"caller_id":{"type":["string","null"],"description":"Shown on calls that are placed (E.164 format); none given: the number that they are placed from.","maxLength":20},"codecs":{"type":["array","null"],"description":"In order of preference; none given: the server's.","items":{"type":"string","enum":["PCMU","PCMA","G722","opus"]}},"host":{"type":"string","description":"The carrier's proxy (RFC 3261): a name, or an address without brackets.","minLength":1,"maxLength":253},"name":{"type":"string","description":"Unique in the organisation: not blank.","minLength":1,"maxLength":100},"outbound":{"type":"boolean","description":"Whether calls are placed by it.","default":true},"password":{"type":["string","null"],"description":"It is sealed, and never shown.","maxLength":500},"port":{"type":["integer","null"],"format":"int64","description":"None given: what DNS says (RFC 3263), else 5060, or 5061 for tls.","minimum":1,"maximum":65535},"realm":{"type":["string","null"],"description":"The realm whose challenges are answered; none given: the host.","maxLength":253},"register":{"type":"boolean","description":"Whether it is registered with the carrier (RFC 3261, section 10), which then sends calls there. It needs username and password.","default":false},"transport":{"type":"string","enum":["udp","tcp","tls"],"description":"How SIP messages travel.","default":"udp"},"username":{"type":["string","null"],"description":"For digest authentication (RFC 3261, section 22).","maxLength":200}},"required":["name","host"]},
  TrunkPatch: {"type":"object","properties":{"allowed_networks":{"type":["array","null"],"description":"Networks from which calls are taken, replaced as a whole.","items":{"type":"string"}},"caller_id":{"type":["string","null"],"description":"Shown on calls that are placed; null: the number that they are placed from.","maxLength":20},"codecs":{"type":["array","null"],"description":"In order of preference, replaced as a whole.","items":{"type":"string","enum":["PCMU","PCMA","G722","opus"]}},"host":{"type":"string","description":"The carrier's proxy. Another host needs the password once more, so that nobody has it sent elsewhere who does not know it.","minLength":1,"maxLength":253},"name":{"type":"string","description":"Unique in the organisation: not blank.","minLength":1,"maxLength":100},"outbound":{"type":"boolean","description":"Whether calls are placed by it."},"password":{"type":["string","null"],"description":"A new password; null: none.","maxLength":500},"port":{"type":["integer","null"],"format":"int64","description":"null: what DNS says.","minimum":1,"maximum":65535},"realm":{"type":["string","null"],"description":"The realm whose challenges are answered; null: the host.","maxLength":253},"register":{"type":"boolean","description":"Whether it is registered with the carrier."},"transport":{"type":"string","enum":["udp","tcp","tls"],"description":"How SIP messages travel."},"username":{"type":["string","null"],"description":"For digest authentication; null: none, and no password either.","maxLength":200}}},
  UserInvite: {"type":"object","properties":{"email":{"type":"string","examples":["ada@example.com"],"minLength":1,"maxLength":254},"role":{"type":"string","enum":["owner","admin","member"],"default":"member"}},"required":["email"]},
  UserPatch: {"type":"object","properties":{"role":{"type":"string","enum":["owner","admin","member"]}},"required":["role"]},
  VoiceAgentCall: {"type":"object","properties":{"contextVariables":{"type":"object","description":"What fills the places {{name}} of the agent's words."},"customData":{"type":"object","description":"Kept with the call, and given back."},"to":{"type":"string","description":"Who is called: a number in E.164.","examples":["+1234567890"],"minLength":1,"maxLength":20},"voiceAgentId":{"type":"number","format":"double","description":"The agent, by its number: agents show it as number.","examples":[123]}},"required":["voiceAgentId","to","contextVariables"]},
  WidgetTokenBody: {"type":"object","properties":{"agent_id":{"type":"string","format":"uuid","description":"Who answers: an agent whose settings.widget is enabled."},"ttl_seconds":{"type":"integer","format":"int64","description":"How long the page has to open its call, in seconds.","default":60,"minimum":10,"maximum":600}},"required":["agent_id"]},
  Writing: {"type":"object","properties":{"contacts":{"type":["array","null"],"description":"Of contacts: as in Meta's Cloud API, each with name.formatted_name, phones and so on.","items":{"type":"object"}},"content":{"type":"string","description":"What to write: not blank. Of an image, a video or a document the caption, which may be left out.","examples":["Your order left our warehouse this morning."],"maxLength":4096},"interactive":{"type":"object","description":"Of interactive: as in Meta's Cloud API, with type button, list, cta_url, location_request_message, call_permission_request or voice_call."},"location":{"type":"object","description":"Of location.","properties":{"address":{"type":"string","examples":["1 Hacker Way"]},"latitude":{"type":"number","format":"double","examples":[37.7577]},"longitude":{"type":"number","format":"double","examples":[-122.4376]},"name":{"type":"string","examples":["Headquarters"]}},"required":["latitude","longitude"]},"media":{"type":"object","description":"The file of an image, audio, video, document or sticker.","properties":{"caption":{"type":"string","description":"In place of content.","maxLength":1024},"filename":{"type":"string","description":"Of a document; left out: its own.","examples":["invoice.pdf"],"maxLength":240},"id":{"type":"string","description":"Of POST /api/v1/media.","examples":["0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"]},"url":{"type":"string","description":"In place of id: where the channel fetches it itself.","examples":["https://cdn.example.com/map.png"],"maxLength":2000}}},"reaction":{"type":"object","description":"Of reaction.","properties":{"emoji":{"type":"string","description":"Left out: the sign is taken away.","examples":["👍"]},"message_id":{"type":"string","description":"That of the conversation which it is put on.","examples":["0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"]}},"required":["message_id"]},"template":{"type":"object","description":"Of template, which alone may be sent when the customer last wrote more than 24 hours ago.","properties":{"components":{"type":["array","null"],"description":"As in Meta's Cloud API; the id of a file may be one of POST /api/v1/media.","items":{"type":"object"}},"language":{"type":"string","description":"Meta wants it.","examples":["en_US"]},"name":{"type":"string","description":"At Twilio its ContentSid.","examples":["appointment_v2"],"minLength":1,"maxLength":512},"variables":{"type":"object","description":"In place of components: what fills the places of the body, by their numbers or names."}},"required":["name"]},"type":{"type":"string","enum":["text","image","audio","video","document","sticker","location","contacts","interactive","reaction","template"],"description":"What it is. Extension.","default":"text"}}},
} as const;
