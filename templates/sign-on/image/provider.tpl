<TMPL_INCLUDE NAME="header.tpl">

<div id="provider" class="container">
<main>
<div class="card">
<div class="form">
<TMPL_IF NAME="AWAY">
  <h3><TMPL_VAR NAME="LABEL" ESCAPE=HTML> does not answer</h3>
  <p>Try again in a moment, or sign in with your password here.</p>
  <a href="/auth/" class="btn btn-success mb-3"><span class="fa fa-sign-in"></span> Sign in</a>
</TMPL_IF>
<TMPL_IF NAME="FAILED">
  <h3>This sign-in did not work</h3>
  <p>It took too long, was begun in another window, or the answer could not be checked.</p>
  <a href="/auth/" class="btn btn-success mb-3"><span class="fa fa-sign-in"></span> Begin again</a>
</TMPL_IF>
<TMPL_IF NAME="CLOSED">
  <h3>This account may not come in</h3>
  <p>Ask the person who runs this server.</p>
  <a href="/auth/" class="btn btn-success mb-3"><span class="fa fa-sign-in"></span> Sign in</a>
</TMPL_IF>
<TMPL_IF NAME="UNKNOWN">
  <h3>This account is not known here</h3>
  <p>If you have a user here, sign in with your password once: the account at <TMPL_VAR NAME="LABEL" ESCAPE=HTML> can be linked with it then. If not, ask the person who runs this server.</p>
  <a href="/auth/?url=<TMPL_VAR NAME="WHERE" ESCAPE=URL>" class="btn btn-success mb-3"><span class="fa fa-sign-in"></span> Sign in and link</a>
</TMPL_IF>
<TMPL_IF NAME="ASK">
  <h3>Link your account at <TMPL_VAR NAME="LABEL" ESCAPE=HTML>?</h3>
  <p>The person who is <b><TMPL_VAR NAME="SHOWN" ESCAPE=HTML></b> at <TMPL_VAR NAME="LABEL" ESCAPE=HTML> can then sign in here as <b><TMPL_VAR NAME="LOGIN" ESCAPE=HTML></b>. Continue only if that is your own account.</p>
  <form action="/auth/link" method="post" class="login" role="form">
    <input type="hidden" name="token" value="<TMPL_VAR NAME="TOKEN" ESCAPE=HTML>" />
    <button type="submit" class="btn btn-success"><span class="fa fa-check"></span> Link</button>
  </form>
</TMPL_IF>
<TMPL_IF NAME="LINKED">
  <h3>Your account is linked</h3>
  <p>From now on you can sign in with <TMPL_VAR NAME="LABEL" ESCAPE=HTML>.</p>
  <a href="/" class="btn btn-success mb-3"><span class="fa fa-check"></span> Continue</a>
</TMPL_IF>
<TMPL_IF NAME="TAKEN">
  <h3>Your account was not linked</h3>
  <p>It belongs to another user here, or your user cannot be linked.</p>
  <a href="/" class="btn btn-success mb-3">Continue</a>
</TMPL_IF>
<TMPL_IF NAME="NOTHING">
  <h3>There is nothing to link</h3>
  <p>Sign out, and choose the other account on the page of the sign-in first.</p>
  <a href="/" class="btn btn-success mb-3">Continue</a>
</TMPL_IF>
</div>
</div>
</main>
</div>

<TMPL_INCLUDE NAME="footer.tpl">
