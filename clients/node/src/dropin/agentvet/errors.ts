/** The arguments do not fit the tool. */
export class ToolArgError extends Error {
	constructor(readonly tool: string, readonly validationError: string, readonly args: any) {
		super(`agentvet: invalid arguments for tool '${tool}': ${validationError}`);
		this.name = 'ToolArgError';
	}

	/** For the model that made the call. */
	toLLMFeedback(): string {
		return `The arguments of '${this.tool}' were rejected: ${this.validationError}.\n\nCall '${this.tool}' again with arguments that match its input schema.`;
	}
}
