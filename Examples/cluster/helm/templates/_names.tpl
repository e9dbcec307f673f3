{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- define "infenclave.labels" -}}
app.kubernetes.io/name: infenclave
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
